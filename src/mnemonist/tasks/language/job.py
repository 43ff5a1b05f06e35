"""Language modelling as a job: what is trained, measured and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mnemonist.runs.folder import RunFolder
from mnemonist.runs.report import Report
from mnemonist.tasks.common.flow import Plan, Trained
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.language import text
from mnemonist.tasks.language.batches import SentenceBatches, TokenStreams
from mnemonist.tasks.language.model import LanguageNetwork, LanguageObjective, build
from mnemonist.tasks.language.predictor import Predictor, load_predictor
from mnemonist.tasks.language.resolve import Resolved
from mnemonist.tasks.language.score import BITS, Baselines, Evaluation, evaluate, fit_baselines
from mnemonist.training.batches import Batches
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["LanguagePlan", "TrainedLanguage"]

TrainedLanguage = Trained[Predictor, Evaluation]

_MOST_MEASURED = 5_000_000  # tokens, each of which is a number a model in memory


@dataclass(frozen=True)
class LanguagePlan(Plan[Predictor, Evaluation]):
    """What a training of a language model will do.

    Args:
        resolved: the configuration, the corpus and its parts.
    """

    job: ClassVar[str] = "language"
    metric: ClassVar[str] = BITS
    resolved: Resolved

    def fingerprint(self) -> dict[str, Any]:
        corpus = self.resolved.corpus
        return {
            "content": corpus.content,
            "vocabulary": corpus.vocabulary.fingerprint,
            "tokenizer": corpus.tokenizer.fingerprint,
        }

    def network(self) -> LanguageNetwork:
        return build(self.config, len(self.resolved.corpus.vocabulary), self.cell)

    def learn(
        self, checkpoints: Checkpoints | None, progress: Progress
    ) -> tuple[Predictor, History]:
        config, corpus = self.config, self.resolved.corpus
        seed_everything(config.training.seed)
        model = self.network()
        train, valid = self._batches()
        history = fit(
            model,
            LanguageObjective(config.activation_penalty, config.temporal_penalty, config.fresh),
            train,
            valid,
            config.training,
            checkpoints=checkpoints,
            progress=progress,
        )
        return Predictor(config, model, corpus.tokenizer, corpus.vocabulary), history

    def _batches(self) -> tuple[Batches, Batches]:
        config, parts = self.config, self.resolved.parts
        size, seed = config.training.batch_size, config.training.seed
        if config.mode == "streams":
            assert config.steps is not None
            return (
                TokenStreams(parts.train.ids, size, config.steps),
                TokenStreams(parts.valid.ids, size, config.steps),
            )
        start = len(self.resolved.corpus.vocabulary)
        return (
            SentenceBatches(parts.train, size, start=start, seed=seed, shuffle=True),
            SentenceBatches(parts.valid, size, start=start, seed=seed, shuffle=False),
        )

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder)

    def baselines(self, progress: Progress) -> Baselines:
        return fit_baselines(self.config, self.resolved.parts)

    def measure(self, predictor: Predictor, baselines: Baselines) -> Evaluation:
        parts, part = self.resolved.parts, self.resolved.parts.test
        if len(part.ids) > _MOST_MEASURED:
            last = int(np.searchsorted(part.offsets, _MOST_MEASURED, side="right")) - 1
            part = part.part(0, max(1, last))
            note = f"measured on the first {len(part.ids):,} of {len(parts.test.ids):,} test tokens"
            baselines = replace(baselines, notes=[*baselines.notes, note])
        return evaluate(predictor, baselines, part, parts.valid.ids, name=name_of(self.config))

    def facts(self) -> dict[str, Any]:
        parts = self.resolved.parts._asdict().items()
        counted = {name: part.statistics()._asdict() for name, part in parts}
        return {"source": self.source_name, "parts": counted}

    def predictions(self, trained: TrainedLanguage) -> tuple[str, str]:
        from mnemonist.tasks.language.tables import surprisal_table

        return "predictions.csv", surprisal_table(trained).to_csv(index=False)

    def report(self, trained: TrainedLanguage) -> Report:
        from mnemonist.tasks.language.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        return text.header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        return text.next_commands(self, run)
