"""Measures of forecasts, in the units of the data.

Notation: y the truth, ŷ the forecast, n origins, h = 1..H steps ahead. Arrays are (n, H) or of
any equal shape; `axis=0` gives the measure by horizon, (H,), `axis=None` one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ConfigError, DataError, ShapeError

__all__ = [
    "bias",
    "coverage",
    "crps_quantiles",
    "interval_score",
    "interval_width",
    "mae",
    "mase",
    "mase_scale",
    "pinball",
    "rmse",
    "smape",
]

Measure = Any
"""A float, or an array by horizon where an axis is given."""


def mae(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Measure:
    """Mean absolute error, mean |y - ŷ|.

    >>> mae([1.0, 2.0], [2.0, 4.0])
    1.5
    """
    y, f = _pair(truth, forecast)
    return _plain(np.mean(np.abs(y - f), axis=axis))


def rmse(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Measure:
    """Root mean squared error, √(mean (y - ŷ)²).

    >>> rmse([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    y, f = _pair(truth, forecast)
    return _plain(np.sqrt(np.mean((y - f) ** 2, axis=axis)))


def bias(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Measure:
    """Mean error, mean (ŷ - y): positive where forecasts are too high.

    >>> bias([1.0, 2.0], [2.0, 4.0])
    1.5
    """
    y, f = _pair(truth, forecast)
    return _plain(np.mean(f - y, axis=axis))


def mase_scale(train: ArrayLike | Sequence[ArrayLike], season: int = 1) -> float:
    """The error of the seasonal naive forecast within the training part: mean |y_t - y_{t-m}|.

    Args:
        train: the training values of one series (N,), or of several; several are averaged
            over all their steps.
        season: m; 1 compares with the value before.

    Raises:
        DataError: no series has more than m values, or all steps are equal, so that the scale
            is zero and MASE has no value.

    >>> mase_scale([1.0, 3.0, 2.0, 6.0])
    2.3333333333333335
    """
    arrays = _series(train)
    steps = [np.abs(one[season:] - one[:-season]) for one in arrays if len(one) > season]
    if not steps:
        raise DataError(
            f"MASE with season {season} needs more than {season} training values; the longest "
            f"series has {max(map(len, arrays), default=0)}."
        )
    scale = float(np.mean(np.concatenate(steps)))
    if scale == 0:
        raise DataError(
            f"MASE has no scale: no training value differs from the one {season} steps before."
        )
    return scale


def mase(
    truth: ArrayLike, forecast: ArrayLike, *, scale: float, axis: int | None = None
) -> Measure:
    """Mean absolute scaled error, MAE / scale (Hyndman & Koehler 2006).

    Below 1: better than the seasonal naive forecast one step ahead was in training.

    Args:
        scale: from `mase_scale`.

    >>> mase([1.0, 2.0], [2.0, 4.0], scale=3.0)
    0.5
    """
    return _plain(np.asarray(mae(truth, forecast, axis=axis)) / scale)


def smape(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Measure:
    """Symmetric mean absolute percentage error, mean of 200 |y - ŷ| / (|y| + |ŷ|) in percent.

    The form of the M3 and M4 competitions (Makridakis & Hibon 2000): from 0 to 200; a pair of
    zeros counts 0.

    >>> smape([1.0, 0.0], [3.0, 0.0])
    50.0
    """
    y, f = _pair(truth, forecast)
    size = np.abs(y) + np.abs(f)
    share = np.divide(200 * np.abs(y - f), size, out=np.zeros_like(size), where=size > 0)
    return _plain(np.mean(share, axis=axis))


def pinball(
    truth: ArrayLike, forecast: ArrayLike, level: float, *, axis: int | None = None
) -> Measure:
    """Quantile loss, mean of max(τ (y - q), (τ - 1)(y - q)) (Koenker & Bassett 1978).

    Args:
        forecast: q, the forecast of the τ-quantile.
        level: τ, between 0 and 1.

    >>> pinball([10.0], [8.0], 0.75), pinball([10.0], [12.0], 0.75)
    (1.5, 0.5)
    """
    if not 0 < level < 1:
        raise ConfigError(f"level={level}: between 0 and 1.")
    y, q = _pair(truth, forecast)
    above = y - q
    loss = np.where(above >= 0, level * above, (level - 1) * above)
    return _plain(np.mean(loss, axis=axis))


def crps_quantiles(
    truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float], *, axis: int | None = None
) -> Measure:
    """Continuous ranked probability score from quantiles: twice the mean pinball loss.

    CRPS = 2 ∫ pinball_τ dτ (Laio & Tamea 2007), the integral taken over `levels` as the mean,
    so levels should be spread evenly over (0, 1).

    Args:
        truth: (n, H).
        quantiles: (n, H, Q), the last axis in the order of `levels`.
        levels: Q levels between 0 and 1.

    >>> crps_quantiles([1.0], [[1.0, 2.0, 3.0]], [0.25, 0.5, 0.75])
    0.6666666666666666
    """
    values = np.asarray(quantiles, dtype=float)
    if values.shape[-1:] != (len(levels),):
        raise ShapeError(
            f"quantiles has shape {values.shape}; its last axis must hold the {len(levels)} levels."
        )
    losses = [pinball(truth, values[..., k], level, axis=axis) for k, level in enumerate(levels)]
    return _plain(2 * np.mean(losses, axis=0))


def coverage(
    truth: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, axis: int | None = None
) -> Measure:
    """The share of truths inside [lower, upper]; to be compared with the nominal level.

    >>> coverage([1.0, 5.0], [0.0, 0.0], [2.0, 2.0])
    0.5
    """
    y, low = _pair(truth, lower)
    _, high = _pair(truth, upper)
    return _plain(np.mean((low <= y) & (y <= high), axis=axis))


def interval_width(lower: ArrayLike, upper: ArrayLike, *, axis: int | None = None) -> Measure:
    """Mean width of the intervals, mean (upper - lower).

    >>> interval_width([0.0, 1.0], [2.0, 5.0])
    3.0
    """
    low, high = _pair(lower, upper)
    return _plain(np.mean(high - low, axis=axis))


def interval_score(
    truth: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float, *, axis: int | None = None
) -> Measure:
    """Width plus a penalty of 2/α for each unit outside, α = 1 - level (Winkler 1972).

    Smaller is better; it rewards narrow intervals that hold what they promise.

    >>> interval_score([3.0], [0.0], [2.0], 0.5)
    6.0
    """
    y, low = _pair(truth, lower)
    _, high = _pair(truth, upper)
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return _plain(np.mean(high - low + 2 / (1 - level) * outside, axis=axis))


def _pair(truth: ArrayLike, forecast: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, f = np.asarray(truth, dtype=float), np.asarray(forecast, dtype=float)
    if y.shape != f.shape:
        raise ShapeError(f"truth has shape {y.shape}, forecast {f.shape}; they must be equal.")
    if not y.size:
        raise ShapeError("truth and forecast are empty; at least one value is needed.")
    return y, f


def _series(train: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    several = isinstance(train, (list, tuple)) and len(train) > 0 and np.ndim(train[0]) > 0
    arrays = train if several else [train]
    return [np.asarray(one, dtype=float) for one in arrays]  # type: ignore[union-attr]


def _plain(value: Any) -> Measure:
    return float(value) if np.ndim(value) == 0 else value
