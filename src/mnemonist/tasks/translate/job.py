"""Translation as a job: what is trained, measured and kept."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
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
from mnemonist.tasks.common.flow import Plan, Trained
from mnemonist.tasks.common.programs import is_own
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.translate.model import TranslateObjective, build, pair_batches
from mnemonist.tasks.translate.predictor import Predictor, load_predictor
from mnemonist.tasks.translate.score import Evaluation, evaluate
from mnemonist.tasks.translate.sides import Sides
from mnemonist.training.buckets import BucketBatches
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["TrainedTranslator", "TranslatePlan"]

TrainedTranslator = Trained[Predictor, Evaluation]

_PARTS = ("train", "valid", "test")


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

    def fingerprint(self) -> Mapping[str, Any]:
        return {part: _fingerprint(getattr(self.parts, part)) for part in _PARTS}

    def network(self) -> EncoderDecoder:
        return build(self.config, self.sides, self.cell)

    def learn(self, folder: RunFolder | None, progress: Progress) -> tuple[Predictor, History]:
        config = self.config
        seed_everything(config.training.seed)
        model = self.network()
        history = fit(
            model,
            TranslateObjective(config.label_smoothing),
            self._batches(self.parts.train, learn=True),
            self._batches(self.parts.valid, learn=False) if len(self.parts.valid) else None,
            config.training,
            checkpoints=folder.checkpoints if folder else None,
            progress=progress,
        )
        return Predictor(config, self.sides, model), history

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder, cell=None if is_own(self.config) else self.cell)

    def baselines(self, progress: Progress) -> list[TranslationBaseline]:
        train = self.parts.train
        return [one.fit(train.sources, train.targets) for one in default_translation_baselines()]

    def measure(self, predictor: Predictor, baselines: Any) -> Evaluation:
        return evaluate(predictor, baselines, self.parts.test, name=name_of(self.config))

    def store(self, trained: TrainedTranslator, folder: RunFolder) -> None:
        folder.save_model(trained.predictor.model.state_dict(), {"parameters": self.parameters})
        folder.save_json("preprocessing.json", self.sides.to_dict())
        folder.save_json(
            "data.json",
            {
                "source": self.source_name,
                "fingerprint": self.fingerprint(),
                "findings": [finding.to_dict() for finding in self.findings],
            },
        )
        folder.save_text("predictions.csv", _predictions(trained.evaluation))

    def report(self, trained: TrainedTranslator) -> Report:
        from mnemonist.tasks.translate.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        from mnemonist.tasks.translate.text import header

        return header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        from mnemonist.tasks.translate.text import next_commands

        return next_commands(self, run)

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
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            content.update(len(data).to_bytes(8, "big") + data)
    return {"pairs": len(pairs), "sha256": content.hexdigest()}
