"""How good class probabilities are: right or wrong, how sure, and whether sure means right.

Throughout, n items and K classes: `truth` (n,) codes from 0 to K - 1, `predicted` (n,) codes,
`probabilities` (n, K).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ShapeError

__all__ = [
    "ClassScore",
    "TopLoss",
    "accuracy",
    "balanced_accuracy",
    "brier_score",
    "checked",
    "class_scores",
    "classification_metrics",
    "confusion_matrix",
    "f1_score",
    "log_loss",
    "log_losses",
    "top_losses",
]

_SMALLEST = 1e-15


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found.

    Attributes:
        name: of the class.
        precision: of the items given this class, the share that has it; NaN where none was.
        recall: of the items that have it, the share that was given it; NaN where none has.
        f1: their harmonic mean, 2 TP / (2 TP + FP + FN); NaN where the class is nowhere.
        support: how many items have it.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class TopLoss:
    """An item that was given a wrong class with confidence, or its own with little.

    Attributes:
        index: of the item.
        truth, predicted: codes.
        probability: of the true class.
        loss: -ln probability.
    """

    index: int
    truth: int
    predicted: int
    probability: float
    loss: float


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """The share of items with the right class.

    >>> accuracy([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    right, given = _pair(truth, predicted)
    return float(np.mean(right == given))


def balanced_accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """The mean over the classes that occur of the share found right (Brodersen et al. 2010).

    >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    right, given = _pair(truth, predicted)
    return float(np.mean([np.mean(given[right == code] == code) for code in np.unique(right)]))


def f1_score(truth: ArrayLike, predicted: ArrayLike, average: str = "macro") -> float:
    """F1 over the classes that occur in truth or prediction.

    "macro" is the mean of the classes' F1; "micro" pools their counts, which with one class an
    item is the accuracy.

    >>> round(f1_score([0, 0, 1, 2], [0, 1, 1, 1]), 4)
    0.3889
    """
    from sklearn.metrics import f1_score as sklearn_f1

    right, given = _pair(truth, predicted)
    return float(sklearn_f1(right, given, average=average, zero_division=0.0))


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, count: int) -> np.ndarray:
    """(K, K) how many items of class i were given class j.

    Args:
        count: K.

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 3).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    """
    right, given = _pair(truth, predicted)
    if max(right.max(), given.max()) >= count or min(right.min(), given.min()) < 0:
        raise ShapeError(f"codes outside 0 to {count - 1} with {count} classes.")
    return np.bincount(right * count + given, minlength=count * count).reshape(count, count)


def class_scores(truth: ArrayLike, predicted: ArrayLike, classes: list[str]) -> list[ClassScore]:
    """Precision, recall and F1 of each class.

    >>> for score in class_scores([0, 0, 1], [0, 1, 1], ["a", "b"]):
    ...     print(score.name, score.precision, score.recall, round(score.f1, 3), score.support)
    a 1.0 0.5 0.667 2
    b 0.5 1.0 0.667 1
    """
    matrix = confusion_matrix(truth, predicted, len(classes)).astype(float)
    hits, given, there = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    with np.errstate(invalid="ignore"):
        precision, recall, f1 = hits / given, hits / there, 2 * hits / (given + there)
    columns = zip(classes, precision, recall, f1, there, strict=True)
    return [ClassScore(n, float(p), float(r), float(f), int(s)) for n, p, r, f, s in columns]


def log_losses(truth: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """(n,) -ln p(true class), in nats; probabilities below 1e-15 count as that.

    >>> log_losses([0, 1], [[0.5, 0.5], [0.75, 0.25]]).round(3).tolist()
    [0.693, 1.386]
    """
    right, given = checked(truth, probabilities)
    return -np.log(np.maximum(given[np.arange(len(right)), right], _SMALLEST))


def log_loss(truth: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean of -ln p(true class), in nats."""
    return float(log_losses(truth, probabilities).mean())


def brier_score(truth: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean over the items of Σ_k (p_k - [k is true])², from 0 to 2 (Brier 1950).

    >>> round(brier_score([0, 1], [[1.0, 0.0], [0.5, 0.5]]), 3)
    0.25
    """
    right, given = checked(truth, probabilities)
    return float(((given - np.eye(given.shape[1])[right]) ** 2).sum(axis=1).mean())


def top_losses(truth: ArrayLike, probabilities: ArrayLike, count: int = 20) -> list[TopLoss]:
    """The `count` items with the largest -ln p(true class), the largest first.

    >>> top_losses([0, 1], [[0.9, 0.1], [0.8, 0.2]], 1)[0].index
    1
    """
    right, given = checked(truth, probabilities)
    losses = log_losses(right, given)
    return [
        TopLoss(
            int(k),
            int(right[k]),
            int(given[k].argmax()),
            float(given[k, right[k]]),
            float(losses[k]),
        )
        for k in np.argsort(-losses, kind="stable")[:count]
    ]


def classification_metrics(truth: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """The metrics of a table of results, by name.

    >>> list(classification_metrics([0, 1], [[0.9, 0.1], [0.2, 0.8]]))
    ['accuracy', 'balanced accuracy', 'macro F1', 'log loss', 'Brier score', 'ECE']
    """
    from mnemonist.evaluation.reliability import expected_calibration_error

    right, given = checked(truth, probabilities)
    predicted = given.argmax(axis=1)
    return {
        "accuracy": accuracy(right, predicted),
        "balanced accuracy": balanced_accuracy(right, predicted),
        "macro F1": f1_score(right, predicted),
        "log loss": log_loss(right, given),
        "Brier score": brier_score(right, given),
        "ECE": expected_calibration_error(right, given),
    }


def _pair(truth: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    right, given = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if right.ndim != 1 or right.shape != given.shape or not len(right):
        raise ShapeError(f"truth {right.shape} and prediction {given.shape}: (n,) each, n >= 1.")
    return right, given


def checked(truth: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n,) and probabilities (n, K) as arrays, or a ShapeError where they do not fit."""
    right, given = np.asarray(truth, dtype=np.int64), np.asarray(probabilities, dtype=float)
    if right.ndim != 1 or given.ndim != 2 or len(right) != len(given) or not len(right):
        raise ShapeError(
            f"truth {right.shape} and probabilities {given.shape}: (n,) and (n, K), n >= 1."
        )
    if right.min() < 0 or right.max() >= given.shape[1]:
        raise ShapeError(
            f"truth reaches from {right.min()} to {right.max()}; probabilities have "
            f"{given.shape[1]} classes."
        )
    if not np.allclose(given.sum(axis=1), 1, atol=1e-4) or given.min() < -1e-6:
        raise ShapeError("probabilities must be positive and sum to 1 in each row.")
    return right, given
