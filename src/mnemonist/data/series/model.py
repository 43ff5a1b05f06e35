"""Series as arrays, with what is known about their time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding
from mnemonist.data.series.calendar import calendar_features
from mnemonist.data.series.config import CalendarFeature
from mnemonist.data.series.frequency import Axis, times_after
from mnemonist.errors import DataError, ShapeError

__all__ = ["Series", "SeriesSet"]


@dataclass(frozen=True)
class Series:
    """One series, one row a step, oldest first.

    Args:
        id: its name among several; "" where there is one.
        target: (N,) float64, finite.
        times: (N,) datetimes or counting numbers; None where rows are counted.
        known: (N, K) covariates known for the future.
        unknown: (N, U) covariates known for the past.
        lines: (N,) the file line of each step, 0 for a step that a fill made.
        future_known: (F, K) known covariates of steps after the last target.
        future_times: (F,) the times of these.

    Raises:
        ShapeError: arrays of different lengths.
    """

    id: str
    target: np.ndarray
    times: Axis | None = None
    known: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    unknown: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    lines: np.ndarray | None = None
    future_known: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    future_times: Axis | None = None

    def __post_init__(self) -> None:
        count = len(self.target)
        for name in ("known", "unknown"):
            if getattr(self, name).shape == (0, 0):
                object.__setattr__(self, name, np.empty((count, 0)))
            if len(getattr(self, name)) != count:
                raise ShapeError(
                    f"series {self.id!r}: {name} has {len(getattr(self, name))} rows, the target "
                    f"{count}; they must be equal."
                )
        if self.times is not None and len(self.times) != count:
            raise ShapeError(
                f"series {self.id!r}: {len(self.times)} times for {count} target values."
            )
        if self.future_known.shape == (0, 0):
            object.__setattr__(self, "future_known", np.empty((0, self.known.shape[1])))

    def __len__(self) -> int:
        return len(self.target)

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"series '{self.id}'" if self.id else "the series"


@dataclass(frozen=True)
class SeriesSet:
    """The series of one source, and what was found out and done on the way.

    Args:
        series: one or several.
        name: the source as named.
        target_name, time_name, id_name: the columns; None where there is none.
        known_names, unknown_names: the covariates, in the order of the arrays' columns.
        frequency: a pandas alias, the unit of counting times ("1"), or None.
        seasons: the seasonal periods in steps, the likeliest first; empty where there is none.
        calendar: which calendar features stand at the end of `known`.
        notes: everything that was decided for the user or done to the data.
        findings: what the check found that is not fatal.
    """

    series: list[Series]
    name: str = "arrays"
    target_name: str = "target"
    time_name: str | None = None
    id_name: str | None = None
    known_names: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()
    frequency: str | None = None
    seasons: tuple[int, ...] = ()
    calendar: tuple[CalendarFeature, ...] = ()
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def from_arrays(
        cls, target: np.ndarray | Sequence[np.ndarray], *, season: int | None = None
    ) -> SeriesSet:
        """A set from one target array (N,), or from several.

        >>> len(SeriesSet.from_arrays(np.arange(10.0)).series[0])
        10
        """
        if isinstance(target, np.ndarray) and target.ndim == 1:
            arrays: list[np.ndarray] = [target]
        else:
            arrays = [np.asarray(one) for one in target]
        several = len(arrays) > 1
        series = [
            Series(str(k) if several else "", np.asarray(one, dtype=float))
            for k, one in enumerate(arrays)
        ]
        return cls(series, seasons=(season,) if season else ())

    def __len__(self) -> int:
        return sum(len(one) for one in self.series)

    @property
    def season(self) -> int | None:
        """The likeliest seasonal period, None where the data has none."""
        return self.seasons[0] if self.seasons else None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of a window's inputs: the target, then unknown, then known covariates."""
        return (self.target_name, *self.unknown_names, *self.known_names)

    def fingerprint(self) -> dict[str, Any]:
        """What tells this data from other data: columns, counts, and a hash of every value."""
        digest = hashlib.sha256()
        for one in self.series:
            digest.update(repr((one.id, one.target.shape, one.known.shape[1])).encode())
            for array in (one.target, one.known, one.unknown, one.future_known):
                digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
            if one.times is not None:
                times = one.times
                whole = times.asi8 if isinstance(times, pd.DatetimeIndex) else np.asarray(times)
                digest.update(np.ascontiguousarray(whole).tobytes())
        return {
            "sha256": digest.hexdigest(),
            "rows": len(self),
            "series": len(self.series),
            "target": self.target_name,
            "time": self.time_name,
            "id": self.id_name,
            "known": list(self.known_names),
            "unknown": list(self.unknown_names),
            "frequency": self.frequency,
        }

    def times_after(self, index: int, steps: int) -> Axis:
        """The `steps` times after the end of series `index`; row numbers where it has no times.

        >>> SeriesSet.from_arrays(np.arange(10.0)).times_after(0, 2).tolist()
        [10, 11]
        """
        one = self.series[index]
        axis = np.arange(len(one)) if one.times is None else one.times
        return times_after(axis, self.frequency, steps)

    def known_after(self, index: int, steps: int) -> np.ndarray:
        """(steps, K): the known covariates after the end of series `index`.

        They come from the file's rows without a target, and the calendar from the times.

        Raises:
            DataError: fewer future rows than `steps`.
        """
        one, derived = self.series[index], 2 * len(self.calendar)
        given = one.future_known[:steps, : one.known.shape[1] - derived]
        if given.shape[1] and len(given) < steps:
            raise DataError(
                f"{self.name}: {one.label} gives the known covariates "
                f"({', '.join(self.known_names[: given.shape[1]])}) for {len(given)} steps after "
                f"its last target value, and {steps} are to be forecast. Add rows with times and "
                "covariates and an empty target, or name the covariates as unknown."
            )
        if not derived:
            return given if given.shape[1] else np.empty((steps, 0))
        times = self.times_after(index, steps)
        assert isinstance(times, pd.DatetimeIndex)
        features = calendar_features(times, self.calendar)
        return np.concatenate([given, features], axis=1) if given.shape[1] else features

    def with_series(self, series: list[Series]) -> SeriesSet:
        """The same set with other arrays."""
        return replace(self, series=series)
