"""How far a measure would move if the test period had gone a little differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ConfigError, ShapeError

__all__ = ["Interval", "bootstrap_interval"]

Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Interval:
    """A confidence interval: `lower` and `upper` at `level`."""

    lower: float
    upper: float
    level: float = 0.95


def bootstrap_interval(
    losses: ArrayLike,
    *,
    statistic: Statistic | None = None,
    block: int | None = None,
    groups: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval by the circular block bootstrap over origins (Politis & Romano 1992).

    Neighbouring origins make similar errors, so whole blocks of them are drawn; independent
    draws would give intervals that are too narrow. A block that reaches the end of its series
    goes on at its beginning: every origin is drawn equally often, and the interval lies around
    the measure itself, which with blocks that stop at the end it may miss.

    Args:
        losses: (n,) or (n, H), one row for each origin in the order of time: absolute or
            squared errors, say.
        statistic: takes resampled rows to a number; their mean when None (for RMSE:
            `lambda rows: float(np.sqrt(rows.mean()))` over squared errors).
        block: rows in a block; the larger of H and n^(1/3) when None, but at most n / 3, for
            with fewer than three blocks there is nothing to draw from.
        groups: (n,) the series of each origin; blocks stay within a series.
        resamples: how many.
        level: of the interval.
        seed: same seed, same interval.

    Raises:
        ShapeError: no rows, or groups of another length.

    >>> interval = bootstrap_interval(np.tile([1.0, 3.0], 50), seed=1)
    >>> interval.lower < 2.0 < interval.upper
    True
    """
    rows = np.asarray(losses, dtype=float)
    if rows.ndim == 1:
        rows = rows[:, None]
    count = len(rows)
    if not count:
        raise ShapeError("losses are empty; at least one origin is needed.")
    if not 0 < level < 1:
        raise ConfigError(f"level={level}: between 0 and 1.")
    wanted = block or max(rows.shape[1], round(count ** (1 / 3)))
    block = max(1, min(wanted, count // 3))
    index = _blocks(count, block, groups)
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, -(-count // block)))
    if statistic is None:
        values = _means(rows.mean(axis=1)[index], drawn, count)
    else:
        chosen = index[drawn].reshape(resamples, -1)[:, :count]
        values = np.array([statistic(rows[one]) for one in chosen])
    tail = (1 - level) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return Interval(float(lower), float(upper), level)


def _means(losses: np.ndarray, drawn: np.ndarray, count: int) -> np.ndarray:
    """The mean of each resample, from the sums of its blocks; the last block is cut to fit.

    Args:
        losses: (n, block), the losses of the block that starts at each row.
        drawn: (resamples, blocks), where the blocks drawn start.
        count: n.
    """
    rest = count - (drawn.shape[1] - 1) * losses.shape[1]
    whole, part = losses.sum(axis=1), losses[:, :rest].sum(axis=1)
    return (whole[drawn[:, :-1]].sum(axis=1) + part[drawn[:, -1]]) / count


def _blocks(count: int, block: int, groups: ArrayLike | None) -> np.ndarray:
    """(n, block), the rows of the block that starts at each row, in a circle within its series."""
    names = np.zeros(count, dtype=int) if groups is None else np.asarray(groups)
    if len(names) != count:
        raise ShapeError(f"groups has {len(names)} entries for {count} origins.")
    index = np.empty((count, block), dtype=int)
    for name in np.unique(names):
        own = np.flatnonzero(names == name)
        index[own] = own[(np.arange(len(own))[:, None] + np.arange(block)) % len(own)]
    return index
