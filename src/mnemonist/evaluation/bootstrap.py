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
    """Percentile interval by the moving-block bootstrap over origins (Künsch 1989).

    Neighbouring origins make similar errors, so whole blocks of them are drawn; independent
    draws would give intervals that are too narrow.

    Args:
        losses: (n,) or (n, H), one row for each origin in the order of time: absolute or
            squared errors, say.
        statistic: takes resampled rows to a number; their mean when None (for RMSE:
            `lambda rows: float(np.sqrt(rows.mean()))` over squared errors).
        block: rows in a block; the larger of H and n^(1/3) when None, at most n.
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
    block = min(block or max(rows.shape[1], round(count ** (1 / 3)), 1), count)
    starts = _block_starts(count, block, groups)
    firsts = np.random.default_rng(seed).choice(starts, (resamples, -(-count // block)))
    if statistic is None:
        values = _means(rows.mean(axis=1), firsts, block)
    else:
        index = (firsts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :count]
        values = np.array([statistic(rows[one]) for one in index])
    tail = (1 - level) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return Interval(float(lower), float(upper), level)


def _means(losses: np.ndarray, firsts: np.ndarray, block: int) -> np.ndarray:
    """The mean of each resample, from running sums; the last block is cut to fit."""
    count = len(losses)
    sums = np.r_[0.0, np.cumsum(losses)]
    rest = count - (firsts.shape[1] - 1) * block
    whole = sums[firsts[:, :-1] + block] - sums[firsts[:, :-1]]
    part = sums[firsts[:, -1] + rest] - sums[firsts[:, -1]]
    return (whole.sum(axis=1) + part) / count


def _block_starts(count: int, block: int, groups: ArrayLike | None) -> np.ndarray:
    starts = np.arange(count - block + 1)
    if groups is None:
        return starts
    names = np.asarray(groups)
    if len(names) != count:
        raise ShapeError(f"groups has {len(names)} entries for {count} origins.")
    within = starts[names[starts] == names[starts + block - 1]]
    # Series shorter than a block leave no start; then blocks may join two of them.
    return within if len(within) else starts
