"""Translation as a job: what is trained, measured and kept."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mnemonist.data.parallel import ParallelSet, ParallelSplit
from mnemonist.evaluation.translation_baselines import (
    TranslationBaseline,
    default_translation_baselines,
)
from mnemonist.nn import EncoderDecoder
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.report import Report
from mnemonist.tasks.common.flow import PARTS, Plan, Trained
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.translate import text
from mnemonist.tasks.translate.model import TranslateObjective, build, pair_batches
from mnemonist.tasks.translate.predictor import Predictor, load_predictor
from mnemonist.tasks.translate.score import Evaluation, evaluate
from mnemonist.tasks.translate.sides import Sides
from mnemonist.training.buckets import BucketBatches
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["TrainedTranslator", "TranslatePlan"]

TrainedTranslator = Trained[Predictor, Evaluation]


@dataclass(frozen=True)
class TranslatePlan(Plan[Predictor, Evaluation]):
    """What a training of a translator will do.

    Args:
        parts: for training, validation and test.
        sides: learnt on the training part.
    """

    job: ClassVar[str] = "translate"
    parts: ParallelSplit
    sides: Sides = field(repr=False)

    @property
    def metric(self) -> str:
        return self.config.measure

    def fingerprint(self) -> dict[str, Any]:
        return {part: _fingerprint(getattr(self.parts, part)) for part in PARTS}

    def network(self) -> EncoderDecoder:
        return build(self.config, self.sides, self.cell)

    def learn(
        self, checkpoints: Checkpoints | None, progress: Progress
    ) -> tuple[Predictor, History]:
        config = self.config
        seed_everything(config.training.seed)
        model = self.network()
        history = fit(
            model,
            TranslateObjective(config.label_smoothing),
            self._batches(self.parts.train, learn=True),
            self._batches(self.parts.valid, learn=False) if len(self.parts.valid) else None,
            config.training,
            checkpoints=checkpoints,
            progress=progress,
        )
        return Predictor(config, self.sides, model), history

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder)

    def baselines(self, progress: Progress) -> list[TranslationBaseline]:
        train = self.parts.train
        return [one.fit(train.sources, train.targets) for one in default_translation_baselines()]

    def measure(self, predictor: Predictor, baselines: Any) -> Evaluation:
        return evaluate(predictor, baselines, self.parts.test, name=name_of(self.config))

    def predictions(self, trained: TrainedTranslator) -> tuple[str, str]:
        return "predictions.csv", _predictions(trained.evaluation)

    def report(self, trained: TrainedTranslator) -> Report:
        from mnemonist.tasks.translate.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        return text.header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        return text.next_commands(self, run)

    def _batches(self, pairs: ParallelSet, *, learn: bool) -> BucketBatches:
        source, target, loop = self.sides.source, self.sides.target, self.config.training
        limit = self.config.max_tokens
        return pair_batches(
            [source.encode(source.tokens(text)[:limit]) for text in pairs.sources],
            [target.encode(target.tokens(text)[:limit]) for text in pairs.targets],
            loop.batch_size,
            seed=loop.seed,
            learn=learn,
        )


def _predictions(found: Evaluation) -> str:
    """The test part as CSV: source, reference, translation, score."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["source", "reference", "translation", "score"])
    rows: Sequence[Any] = list(
        zip(found.sources, found.references, found.translations, strict=True)
    )
    for source, references, best in rows:
        writer.writerow([source, " | ".join(references), best.text, f"{best.score:.6g}"])
    return file.getvalue()


def _fingerprint(pairs: ParallelSet) -> dict[str, Any]:
    """How many pairs, and a hash of them."""
    content = hashlib.sha256()
    for texts in zip(pairs.sources, pairs.targets, strict=True):
        for one in texts:
            data = one.encode("utf-8", "surrogatepass")
            content.update(len(data).to_bytes(8, "big") + data)
    return {"pairs": len(pairs), "sha256": content.hexdigest()}
