"""How good a classifier is on the test part, beside every baseline, and what that amounts to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnemonist.data.labelled import LabelledSet, LabelledSplit
from mnemonist.evaluation.classification import (
    ClassScore,
    class_scores,
    classification_metrics,
    log_losses,
)
from mnemonist.evaluation.classifiers import Classifier, default_classifiers
from mnemonist.evaluation.resampling import PairedBootstrap, interval_of_sums, paired_bootstrap
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.evaluation.verdicts import Tone, tone, verdict
from mnemonist.tasks.classify.predictor import Predictor

__all__ = ["Baselines", "Evaluation", "evaluate", "fit_baselines"]

METRICS = ("accuracy", "macro F1", "log loss", "ECE")
SHARES = tuple(k / 10 for k in range(1, 11))
_BINS = 15
_EARLY = 400


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines, and why others are absent."""

    fitted: list[Classifier]
    skipped: list[str]


@dataclass(frozen=True)
class Evaluation:
    """Results on the test part, n items and K classes.

    Args:
        table: the network and the baselines.
        verdict: one sentence.
        tone: "good", "even" or "bad": better, no matter, worse than the best baseline.
        best_baseline: its name.
        truth: (n,) codes.
        probabilities: (n, K) of the network.
        scores: precision, recall and F1 of each class.
        early: accuracy after each tenth of an item's steps.
        test: paired bootstrap of the accuracy against the best baseline.
        skipped: baselines that were left out, and why.
    """

    table: ResultTable
    verdict: str
    tone: Tone
    best_baseline: str
    truth: np.ndarray
    probabilities: np.ndarray
    scores: list[ClassScore]
    early: list[float]
    test: PairedBootstrap
    skipped: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What a program wants to know, as plain JSON values."""
        test = self.test
        return {
            "verdict": self.verdict,
            "table": self.table.to_dict(),
            "best_baseline": self.best_baseline,
            "paired_bootstrap": {
                "difference": test.difference,
                "p_value": test.p_value,
                "items": test.count,
            },
            "classes": [vars(score) for score in self.scores],
            "accuracy_by_share_read": dict(zip(map(str, SHARES), self.early, strict=True)),
            "skipped": self.skipped,
        }


def fit_baselines(parts: LabelledSplit, *, seed: int) -> Baselines:
    """Fit every baseline on the training part."""
    train = parts.train
    fitted, skipped = default_classifiers(
        train.kind, train.items, tested=parts.test.items, seed=seed
    )
    for baseline in fitted:
        baseline.fit(train.items, train.labels, len(train.classes))
    return Baselines(fitted, skipped)


def evaluate(
    predictor: Predictor, baselines: Baselines, test: LabelledSet, *, name: str
) -> Evaluation:
    """The network and the baselines on labelled items.

    Args:
        predictor: the trained network.
        baselines: fitted on the same training part.
        test: the items.
        name: of the network in the table.
    """
    truth, ours = test.labels, predictor.probabilities(test.items)
    rows = [_row(name, "network", truth, ours)]
    others = {one.name: one.predict_proba(test.items) for one in baselines.fitted}
    rows += [_row(other, "baseline", truth, given) for other, given in others.items()]
    table = ResultTable(rows, METRICS, higher=("accuracy", "macro F1")).sorted_by("accuracy")
    best = table.best("accuracy", "baseline")
    assert best is not None
    right, rival = (given.argmax(axis=1) == truth for given in (ours, others[best.name]))
    compared = paired_bootstrap(right, rival)
    accuracy = rows[0].values["accuracy"]
    return Evaluation(
        table=table,
        verdict=verdict(
            name,
            accuracy,
            best.name,
            best.values["accuracy"],
            metric="accuracy",
            higher=True,
            test=compared,
        ),
        tone=tone(compared.difference > 0, compared),
        best_baseline=best.name,
        truth=truth,
        probabilities=ours,
        scores=class_scores(truth, ours.argmax(axis=1), list(test.classes)),
        early=_early(predictor, test),
        test=compared,
        skipped=baselines.skipped,
    )


def _row(name: str, kind: Any, truth: np.ndarray, given: np.ndarray) -> Row:
    """One classifier's measures, each a function of sums over the items, with intervals."""
    hits, calibration = _hits(truth, given), _calibration(truth, given)
    intervals = {
        "accuracy": interval_of_sums(given.argmax(axis=1) == truth),
        "macro F1": interval_of_sums(hits, _macro_f1),
        "log loss": interval_of_sums(log_losses(truth, given)),
        "ECE": interval_of_sums(calibration, _expected_error(len(truth))),
    }
    values = classification_metrics(truth, given)
    return Row(name, kind, {metric: values[metric] for metric in METRICS}, intervals)


def _hits(truth: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(n, 2 K): of each class whether the item is a hit, and whether truth or prediction is it."""
    places = np.eye(given.shape[1])
    there, named = places[truth], places[given.argmax(axis=1)]
    return np.concatenate([there * named, there + named], axis=1)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean of 2 TP / (2 TP + FP + FN) over the classes that occur."""
    hits, either = np.split(sums, 2, axis=1)
    f1 = 2 * hits / np.maximum(either, 1)
    return f1.sum(axis=1) / np.maximum((either > 0).sum(axis=1), 1)


def _calibration(truth: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(n, bins): confidence minus hit, in the column of the confidence's bin."""
    sure = given.max(axis=1)
    hit = given.argmax(axis=1) == truth
    own = np.clip(np.ceil(sure * _BINS).astype(int) - 1, 0, _BINS - 1)
    return np.eye(_BINS)[own] * (sure - hit)[:, None]


def _expected_error(count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Σ_m |Σ (confidence - hit)| / n, which is the expected calibration error."""
    return lambda sums: np.abs(sums).sum(axis=1) / count


def _early(predictor: Predictor, test: LabelledSet) -> list[float]:
    """The accuracy after each share of the steps, on at most some hundred items."""
    chosen = test.take(np.unique(np.linspace(0, len(test) - 1, _EARLY).round()))
    steps = [predictor.steps(item) for item in chosen.items]
    found = []
    for share in SHARES:
        read = [one[: max(1, round(share * len(one)))] for one in steps]
        found.append(float(np.mean(predictor.of_steps(read).argmax(axis=1) == chosen.labels)))
    return found
