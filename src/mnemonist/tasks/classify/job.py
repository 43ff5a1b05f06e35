"""Classification as a job: what is trained, measured and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from mnemonist.data.labelled import LabelledSet, LabelledSplit, class_weights
from mnemonist.data.labelled.duplicates import content_digest
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.report import Report
from mnemonist.tasks.classify import text
from mnemonist.tasks.classify.encoding import SeriesEncoder, TokenEncoder
from mnemonist.tasks.classify.model import ClassifierModel, ClassifyObjective, build
from mnemonist.tasks.classify.predictor import Predictor, batches, load_predictor
from mnemonist.tasks.classify.score import Baselines, Evaluation, evaluate, fit_baselines
from mnemonist.tasks.common.flow import PARTS, Plan, Trained
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["ClassifyPlan", "TrainedClassifier", "predictions_table"]

TrainedClassifier = Trained[Predictor, Evaluation]


@dataclass(frozen=True)
class ClassifyPlan(Plan[Predictor, Evaluation]):
    """What a training of a classifier will do.

    Args:
        sources: the files, as they were named.
        parts: for training, validation and test.
        encoder: learnt on the training part.
    """

    job: ClassVar[str] = "classify"
    metric: ClassVar[str] = "accuracy"
    sources: tuple[str, ...]
    parts: LabelledSplit
    encoder: TokenEncoder | SeriesEncoder = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.parts.train.classes

    def fingerprint(self) -> dict[str, Any]:
        return {part: _fingerprint(getattr(self.parts, part)) for part in PARTS}

    def source_words(self) -> Sequence[str]:
        return self.sources

    def network(self) -> ClassifierModel:
        return build(self.config, self.encoder, len(self.classes), self.cell)

    def learn(
        self, checkpoints: Checkpoints | None, progress: Progress
    ) -> tuple[Predictor, History]:
        config, parts = self.config, self.parts
        seed_everything(config.training.seed)
        model = self.network()
        weights = None
        if config.class_weights == "balanced":
            balanced = class_weights(parts.train.labels, len(self.classes))
            weights = torch.from_numpy(balanced).float()
        valid = (
            batches(parts.valid, self.encoder, config, learn=False) if len(parts.valid) else None
        )
        history = fit(
            model,
            ClassifyObjective(weights),
            batches(parts.train, self.encoder, config, learn=True),
            valid,
            config.training,
            checkpoints=checkpoints,
            progress=progress,
        )
        predictor = Predictor(config, self.classes, self.encoder, model)
        return predictor.calibrate(parts.valid), history

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder)

    def baselines(self, progress: Progress) -> Baselines:
        return fit_baselines(self.parts, seed=self.config.training.seed)

    def measure(self, predictor: Predictor, baselines: Baselines) -> Evaluation:
        return evaluate(predictor, baselines, self.parts.test, name=text.network_name(self.config))

    def facts(self) -> dict[str, Any]:
        return {"sources": list(self.sources), "kind": self.parts.train.kind}

    def predictions(self, trained: TrainedClassifier) -> tuple[str, str]:
        test, found = self.parts.test, trained.evaluation
        table = predictions_table(test, self.classes, found.probabilities, truth=True)
        return "predictions.csv", table.to_csv(index=False)

    def report(self, trained: TrainedClassifier) -> Report:
        from mnemonist.tasks.classify.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        return text.header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        return text.next_commands(self, run)


def predictions_table(
    data: LabelledSet,
    classes: tuple[str, ...] | list[str],
    probabilities: np.ndarray,
    *,
    truth: bool = False,
) -> pd.DataFrame:
    """A row for each item: where it stands, its class, and the probability of every class.

    Args:
        data: the n items.
        classes: the K names.
        probabilities: (n, K).
        truth: whether the labels of the items stand beside.
    """
    columns: dict[str, Any] = {}
    if len(set(data.files)) > 1:
        columns["file"] = data.files
    if data.lines.any():
        columns["line"] = data.lines
    if any(data.ids):
        columns["id"] = data.ids
    if not columns:
        columns["item"] = np.arange(1, len(data) + 1)
    if data.kind != "series":
        columns["text"] = data.items
    if truth:
        columns["truth"] = [classes[code] for code in data.labels]
    columns["label"] = [classes[code] for code in probabilities.argmax(axis=1)]
    columns["probability"] = probabilities.max(axis=1).round(6)
    columns |= {f"p {name}": probabilities[:, k].round(6) for k, name in enumerate(classes)}
    return pd.DataFrame(columns)


def _fingerprint(data: LabelledSet) -> dict[str, Any]:
    """How many items, and a hash of them with their labels."""
    content = hashlib.sha256()
    for item, label in zip(data.items, data.labels.tolist(), strict=True):
        content.update(content_digest(item) + data.classes[label].encode())
    return {"items": len(data), "sha256": content.hexdigest()}
