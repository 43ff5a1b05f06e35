"""Intervals that hold what they promise: conformal adjustment on the validation part."""

from __future__ import annotations

import numpy as np

from mnemonist.errors import ConfigError, ShapeError

__all__ = ["ConformalQuantiles", "SplitConformal", "conformal_quantile"]


def conformal_quantile(scores: np.ndarray, level: float) -> np.ndarray:
    """The ⌈(n + 1) level⌉-th smallest score of each column; the largest where n is too small.

    A new score, exchangeable with these, is at most this with probability `level` or more
    (Vovk et al. 2005; Lei et al. 2018), as long as n ≥ level / (1 - level).

    Args:
        scores: (n, H), or (n,).
        level: between 0 and 1.

    Returns:
        (H,), or a number.

    >>> float(conformal_quantile(np.arange(1.0, 10.0), 0.8))
    8.0
    """
    count = len(scores)
    if not count:
        raise ShapeError("there are no scores; calibration needs a validation part.")
    rank = min(int(np.ceil(np.round((count + 1) * level, 9))), count)
    return np.sort(scores, axis=0)[max(rank, 1) - 1]


class SplitConformal:
    """ŷ ± q_h: symmetric intervals, q_h the conformal quantile of |y - ŷ| at each step ahead.

    Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018. Over time the guarantee is only
    approximate: errors of a time series are not exchangeable.

    >>> truth = np.zeros((9, 1))
    >>> forecast = np.arange(1.0, 10.0)[:, None]
    >>> conformal = SplitConformal(0.8).fit(truth, forecast)
    >>> [bound.tolist() for bound in conformal.interval(np.array([[0.0]]))]
    [[[-8.0]], [[8.0]]]
    """

    def __init__(self, level: float = 0.9) -> None:
        self.level = _checked(level)

    def fit(self, truth: np.ndarray, forecast: np.ndarray) -> SplitConformal:
        """Truth and forecast on the validation part, (n, horizon)."""
        errors = np.abs(np.asarray(truth, float) - np.asarray(forecast, float))
        self.margin = conformal_quantile(errors, self.level)
        return self

    def interval(self, forecast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(lower, upper)."""
        return forecast - self.margin, forecast + self.margin

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"level": self.level, "margin": np.asarray(self.margin).tolist()}

    @classmethod
    def from_dict(cls, state: dict[str, object]) -> SplitConformal:
        """The calibration that `to_dict` described."""
        conformal = cls(float(state["level"]))  # type: ignore[arg-type]
        conformal.margin = np.asarray(state["margin"], dtype=float)
        return conformal


class ConformalQuantiles:
    """Conformalised quantile regression (Romano, Patterson & Candès 2019).

    With the forecast quantiles [l, u], the scores on the validation part are
    max(l - y, y - u); the interval becomes [l - q_h, u + q_h], q_h the conformal quantile of
    the scores at each step ahead. Intervals that were too wide become narrower.

    Args:
        level: the share that the intervals shall hold.

    >>> truth = np.arange(9.0)[:, None]
    >>> lower, upper = np.full((9, 1), 3.0), np.full((9, 1), 5.0)
    >>> conformal = ConformalQuantiles(0.8).fit(truth, lower, upper)
    >>> [bound.tolist() for bound in conformal.interval(lower[:1], upper[:1])]
    [[[0.0]], [[8.0]]]
    """

    def __init__(self, level: float = 0.9) -> None:
        self.level = _checked(level)

    def fit(self, truth: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> ConformalQuantiles:
        """Truth and bounds on the validation part, (n, horizon)."""
        y = np.asarray(truth, dtype=float)
        self.margin = conformal_quantile(np.maximum(lower - y, y - upper), self.level)
        return self

    def interval(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(lower, upper) adjusted; bounds that would cross meet in their middle."""
        low, high = lower - self.margin, upper + self.margin
        middle = (low + high) / 2
        return np.minimum(low, middle), np.maximum(high, middle)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"level": self.level, "margin": np.asarray(self.margin).tolist()}

    @classmethod
    def from_dict(cls, state: dict[str, object]) -> ConformalQuantiles:
        """The calibration that `to_dict` described."""
        conformal = cls(float(state["level"]))  # type: ignore[arg-type]
        conformal.margin = np.asarray(state["margin"], dtype=float)
        return conformal


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ConfigError(f"level={level}: between 0 and 1.")
    return level
