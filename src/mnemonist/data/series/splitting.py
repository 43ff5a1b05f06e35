"""Past, nearer past, latest: the parts of each series for training, validation and test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mnemonist.data.series.model import Series, SeriesSet
from mnemonist.data.shares import contiguous

__all__ = ["Range", "Split", "split"]

Range = tuple[int, int]
"""First step and the step after the last."""


@dataclass(frozen=True)
class Split:
    """Contiguous parts of each series in the order of time.

    Args:
        data: the series that are split.
        train, valid, test: for each series the (start, stop) of the part.
    """

    data: SeriesSet
    train: list[Range]
    valid: list[Range]
    test: list[Range]

    def training_part(self, values: Callable[[Series], np.ndarray]) -> list[np.ndarray]:
        """For each series `values(series)`, its first axis cut to the training part."""
        return [
            values(one)[start:stop]
            for one, (start, stop) in zip(self.data.series, self.train, strict=True)
        ]

    def describe(self) -> str:
        """One line with the number of steps of each part."""
        counts = [
            sum(stop - start for start, stop in part)
            for part in (self.train, self.valid, self.test)
        ]
        return "train {:,}, validation {:,}, test {:,} steps".format(*counts)


def split(data: SeriesSet, valid: float | int = 0.15, test: float | int = 0.2) -> Split:
    """Cut every series by time: first training, then validation, then test.

    Args:
        data: the series.
        valid, test: the share of each series' steps (below 1), or a number of steps (int).

    Raises:
        ConfigError: the parts leave no training step.

    >>> parts = split(SeriesSet.from_arrays(np.arange(100.0)))
    >>> parts.train, parts.valid, parts.test
    ([(0, 65)], [(65, 80)], [(80, 100)])
    """
    bounds = [contiguous(len(one), valid, test, label=one.label) for one in data.series]
    return Split(
        data,
        [(0, first) for first, _ in bounds],
        [(first, second) for first, second in bounds],
        [(second, len(one)) for (_, second), one in zip(bounds, data.series, strict=True)],
    )
