"""Intervals and tests for measures of independent items: reviews, sentences, tunes.

Most measures of a test set are functions of sums over its items: accuracy of (right, all),
F1 of (hits, false alarms, misses), perplexity of (surprisal, tokens), BLEU of its counts. So
items are drawn with replacement (Efron 1979), their statistics are summed, and the measure is
taken of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ShapeError
from mnemonist.evaluation.bootstrap import Interval

__all__ = ["PairedBootstrap", "interval_of_sums", "mean_of_sums", "paired_bootstrap"]

Measure = Callable[[np.ndarray], np.ndarray]
"""Takes sums (R, S) of S statistics to R values."""

_AT_ONCE = 1 << 24


def mean_of_sums(sums: np.ndarray) -> np.ndarray:
    """The measure of items with one value each: sums are (value, 1).

    >>> mean_of_sums(np.array([[3.0, 4.0]]))
    array([0.75])
    """
    return sums[:, 0] / sums[:, 1]


def interval_of_sums(
    statistics: ArrayLike,
    measure: Measure | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a measure over independent items.

    Args:
        statistics: (n, S), one row an item; (n,) stands for the mean of one value an item.
        measure: takes sums (R, S) to R values; the mean when None.
        resamples: how many.
        level: of the interval.
        seed: same seed, same interval.

    Raises:
        ShapeError: no items.

    >>> right = np.arange(200) % 4 > 0
    >>> interval = interval_of_sums(right, seed=1)
    >>> interval.lower < 0.75 < interval.upper
    True
    """
    rows, measure = _rows(statistics, measure)
    values = np.concatenate([measure(w @ rows) for w in _weights(len(rows), resamples, seed)])
    tail = (1 - level) / 2
    lower, upper = np.nanquantile(values, [tail, 1 - tail])
    return Interval(float(lower), float(upper), level)


@dataclass(frozen=True)
class PairedBootstrap:
    """Whether two systems differ on the same items by more than chance.

    Args:
        difference: measure of the first minus that of the second.
        p_value: two-sided.
        count: items compared.
    """

    name: ClassVar[str] = "paired bootstrap"
    difference: float
    p_value: float
    count: int


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    measure: Measure | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedBootstrap:
    """Test of two systems on the same items (Koehn 2004).

    Both are measured on the same draws of items; p is twice the smaller share of draws in
    which the difference lies on one side of zero, counting one draw more on each side.

    Args:
        first, second: (n, S) statistics, or (n,) values, of the same items.
        measure: takes sums (R, S) to R values; the mean when None.
        resamples: how many.
        seed: same seed, same result.

    Raises:
        ShapeError: no items, or different numbers of them.

    >>> right = np.arange(300) % 3 > 0
    >>> paired_bootstrap(np.ones(300), right).p_value < 0.01
    True
    >>> paired_bootstrap(right, right).p_value
    1.0
    """
    a, measure = _rows(first, measure)
    b, _ = _rows(second, measure)
    if a.shape != b.shape:
        raise ShapeError(f"the systems have statistics of the shapes {a.shape} and {b.shape}")
    draws = [measure(w @ a) - measure(w @ b) for w in _weights(len(a), resamples, seed)]
    differences = np.concatenate(draws)
    below, above = np.sum(differences <= 0), np.sum(differences >= 0)
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    total = measure(a.sum(0, keepdims=True)) - measure(b.sum(0, keepdims=True))
    return PairedBootstrap(float(total[0]), float(p), len(a))


def _rows(statistics: ArrayLike, measure: Measure | None) -> tuple[np.ndarray, Measure]:
    rows = np.asarray(statistics, dtype=float)
    if not len(rows):
        raise ShapeError("there are no items; at least one is needed.")
    if rows.ndim == 1:
        rows = np.stack([rows, np.ones(len(rows))], 1)
    return rows, measure or mean_of_sums


def _weights(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each item is drawn, (R, n), some resamples at a time."""
    generator = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // max(count, 1))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(count, size=(rows, count))
        drawn += np.arange(rows)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(float)
