"""Whether "80 % sure" is right in 80 of 100 cases, and a temperature that makes it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.evaluation.classification import checked

__all__ = [
    "ReliabilityCurve",
    "TemperatureScaling",
    "expected_calibration_error",
    "reliability_curve",
    "softmax",
]

_COLDEST, _HOTTEST = 0.02, 50.0


@dataclass(frozen=True)
class ReliabilityCurve:
    """Confidence against accuracy, in M bins of equal width (DeGroot & Fienberg 1983).

    Attributes:
        edges: (M + 1,) from 0 to 1.
        confidence: (M,) the mean probability of the predicted class; NaN in an empty bin.
        accuracy: (M,) the share that is right; NaN in an empty bin.
        counts: (M,) how many items.
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray


def reliability_curve(
    truth: ArrayLike, probabilities: ArrayLike, bins: int = 15
) -> ReliabilityCurve:
    """The items by the probability of their predicted class.

    Bin m holds confidences in ((m - 1) / M, m / M].

    Args:
        truth: (n,) codes.
        probabilities: (n, K).
        bins: M.

    >>> curve = reliability_curve([0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.9, 0.1]], bins=5)
    >>> curve.counts.tolist(), curve.accuracy[3:].tolist()
    ([0, 0, 0, 1, 2], [1.0, 0.5])
    """
    if bins < 1:
        raise ConfigError(f"bins={bins}: at least 1.")
    right, given = checked(truth, probabilities)
    sure, hit = given.max(axis=1), given.argmax(axis=1) == right
    edges = np.linspace(0, 1, bins + 1)
    own = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    counts = np.bincount(own, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(own, sure, bins) / counts
        found = np.bincount(own, hit.astype(float), bins) / counts
    return ReliabilityCurve(edges, confidence, found, counts)


def expected_calibration_error(truth: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Σ_m (n_m / n) |accuracy_m - confidence_m| (Naeini et al. 2015; Guo et al. 2017, eq. 3).

    >>> expected_calibration_error([0, 0, 0, 1], [[0.75, 0.25]] * 4)
    0.0
    """
    curve = reliability_curve(truth, probabilities, bins)
    filled = curve.counts > 0
    gaps = np.abs(curve.accuracy[filled] - curve.confidence[filled])
    return float((curve.counts[filled] * gaps).sum() / curve.counts.sum())


class TemperatureScaling:
    """p = softmax(z / T), with the T that makes the validation part most likely.

    Guo, Pleiss, Sun & Weinberger 2017. The classes that are predicted do not change, only how
    sure they are. T lies between 0.02 and 50.

    >>> logits = np.array([[4.0, 0.0]] * 4)
    >>> scaling = TemperatureScaling().fit(logits, [0, 0, 0, 1])
    >>> scaling.probabilities(logits)[0].round(3).tolist()
    [0.75, 0.25]
    """

    def __init__(self, temperature: float = 1.0) -> None:
        if not temperature > 0:
            raise ConfigError(f"temperature={temperature}: above 0.")
        self.temperature = temperature

    def fit(
        self, logits: ArrayLike, truth: ArrayLike, *, cautious: bool = False
    ) -> TemperatureScaling:
        """Find T from logits (n, K) and codes (n,) of the validation part.

        Where all of it is right, no T would be cold enough. `cautious` gives the true class the
        target (n + 1) / (n + 2) in place of 1 and the others the rest (Platt 1999), so that a few
        items without a mistake do not make it certain.
        """
        from scipy.optimize import minimize_scalar

        scores, right = np.asarray(logits, dtype=float), np.asarray(truth, dtype=np.int64)
        if scores.ndim != 2 or right.shape != scores.shape[:1] or not len(right):
            raise ShapeError(f"logits {scores.shape} and truth {right.shape}: (n, K) and (n,).")
        doubt = 1 / (len(right) + 2) if cautious else 0.0
        count = scores.shape[1]
        targets = np.full(scores.shape, doubt / max(count - 1, 1))
        targets[np.arange(len(right)), right] = 1 - doubt

        def loss(log_temperature: float) -> float:
            return float(-(targets * _log_softmax(scores / np.exp(log_temperature))).sum(1).mean())

        bounds = (np.log(_COLDEST), np.log(_HOTTEST))
        best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
        self.temperature = float(np.exp(best.x))
        return self

    def probabilities(self, logits: ArrayLike) -> np.ndarray:
        """(n, K) from logits (n, K)."""
        return softmax(np.asarray(logits, dtype=float) / self.temperature)

    def to_dict(self) -> dict[str, float]:
        """Plain JSON values."""
        return {"temperature": self.temperature}

    @classmethod
    def from_dict(cls, state: dict[str, float]) -> TemperatureScaling:
        """The scaling that `to_dict` described."""
        return cls(float(state["temperature"]))


def softmax(logits: ArrayLike) -> np.ndarray:
    """exp(z_k) / Σ_j exp(z_j) over the last axis.

    >>> softmax([0.0, np.log(3.0)]).round(3).tolist()
    [0.25, 0.75]
    """
    return np.exp(_log_softmax(np.asarray(logits, dtype=float)))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
