"""One series' rows put in order: sorted, without duplicates, without gaps, or refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, some
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.frequency import Axis, expected_times, steps_between

__all__ = ["Rows", "fill_missing", "order", "regularise"]

_HOLIDAYS = 0.08
_SPARSE = 200


@dataclass
class Rows:
    """The rows of one series: times, values (N, 1 + K + U), file lines; and what was said."""

    label: str
    file: str
    times: Axis
    values: np.ndarray
    lines: np.ndarray
    counted: bool = False
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, index: np.ndarray) -> Rows:
        """The rows at `index`, in that order."""
        return replace(
            self, times=self.times[index], values=self.values[index], lines=self.lines[index]
        )

    def fatal(self, code: str, message: str, lines: np.ndarray, remedy: str) -> None:
        """Note something that training must refuse."""
        shown = tuple(int(line) for line in lines[:10])
        first = shown[0] if shown else None
        text = f"{self.label}: {message}"
        self.findings.append(Finding("fatal", code, text, self.file, first, shown, remedy))


def order(rows: Rows, config: SeriesConfig) -> Rows:
    """Rows in the order of time, each time once; findings where the options forbid that."""
    steps = np.diff(_ticks(rows.times))
    backward = np.flatnonzero(steps < 0) + 1
    if len(backward):
        if not config.sort:
            down = len(backward) == len(steps)
            what = (
                "the times run backwards, newest first"
                if down
                else f"the times step back at {len(backward)} rows (lines "
                f"{some(rows.lines[backward], len(backward))})"
            )
            rows.fatal("unsorted-times", what, rows.lines[backward], "sort by time (sort=True)")
            return rows
        rows = rows.take(np.argsort(_ticks(rows.times), kind="stable"))
        rows.notes.append(f"{rows.label}: the rows were sorted by time")
    return _unique(rows, config)


def _unique(rows: Rows, config: SeriesConfig) -> Rows:
    ticks = _ticks(rows.times)
    again = np.flatnonzero(np.diff(ticks) == 0) + 1
    if not len(again):
        return rows
    if config.duplicates == "error":
        hint = _daylight_hint(rows.times, again)
        remedy = "name the column that tells several series apart (id=...), or say which row counts"
        rows.fatal(
            "duplicate-times",
            f"{len(again)} rows repeat the time of the row before, the first {rows.times[again[0]]}"
            f" (lines {some(rows.lines[again], len(again))}){hint}",
            rows.lines[again],
            f"{remedy} (duplicates='first', 'last' or 'mean')",
        )
        return rows
    first = np.setdiff1d(np.arange(len(ticks)), again)
    if config.duplicates == "mean":
        groups = np.searchsorted(ticks[first], ticks)
        means = pd.DataFrame(rows.values).groupby(groups).mean().to_numpy()
        kept = replace(rows.take(first), values=means)
    elif config.duplicates == "first":
        kept = rows.take(first)
    else:
        kept = rows.take(np.r_[first[1:] - 1, len(ticks) - 1])
    kept.notes.append(
        f"{rows.label}: {len(again)} rows of a repeated time were merged ({config.duplicates})"
    )
    return kept


def regularise(rows: Rows, frequency: str | None, config: SeriesConfig) -> Rows:
    """Every step of the frequency once: gaps become empty rows, or findings."""
    if rows.counted or len(rows.times) < 3:
        return rows
    if frequency is None:
        return _irregular(rows, config)
    if config.fill == "drop":
        return _count_rows(rows, frequency)
    steps = steps_between(rows.times[0], rows.times[-1], frequency)
    if steps > _SPARSE * len(rows.times):
        rows.fatal(
            "too-sparse",
            f"the times span {steps:,.0f} steps of frequency '{frequency}' and only "
            f"{len(rows.times):,} have rows",
            rows.lines[:1],
            "name a coarser frequency, or count rows as steps (fill='drop')",
        )
        return rows
    grid = _grid(rows.times, frequency)
    places = _nearest(_ticks(grid), _ticks(rows.times))
    off = np.flatnonzero(np.abs(_ticks(grid)[places] - _ticks(rows.times)) > _tolerance(grid))
    gaps = len(grid) - 1 - int(np.count_nonzero(np.diff(places)))
    if not len(off) and not gaps:
        return rows
    if len(off):
        rows.fatal(
            "off-step-times",
            f"{len(off)} times are not on the steps of frequency '{frequency}', the first "
            f"{rows.times[off[0]]} (lines {some(rows.lines[off], len(off))})",
            rows.lines[off],
            "correct them, name the frequency, or count rows as steps (fill='drop')",
        )
        return rows
    if frequency == "B" and gaps <= _HOLIDAYS * len(grid):
        rows.notes.append(
            f"{rows.label}: {gaps} business days without a row (holidays) are counted as no time"
        )
        return rows
    if config.fill == "none":
        return _refuse_gaps(rows, frequency, places, gaps)
    values = np.full((len(grid), rows.values.shape[1]), np.nan)
    lines = np.zeros(len(grid), dtype=np.int64)
    values[places], lines[places] = rows.values, rows.lines
    rows.notes.append(f"{rows.label}: {gaps} missing steps were inserted, to be filled")
    return replace(rows, times=grid, values=values, lines=lines)


def fill_missing(rows: Rows, names: tuple[str, ...], config: SeriesConfig) -> Rows:
    """Values for the empty cells by `config.fill`, each said in a note; or findings."""
    empty = np.isnan(rows.values)
    if not empty.any():
        return rows
    if config.fill == "none":
        for column in np.flatnonzero(empty.any(axis=0)):
            lines = rows.lines[empty[:, column]]
            rows.fatal(
                "missing-values",
                f"column '{names[column]}' has {len(lines)} empty cells (lines "
                f"{some(lines, len(lines))})",
                lines,
                "choose how to fill: fill='linear', 'ffill', or 'drop' to leave the rows out",
            )
        return rows
    if config.fill == "drop":
        kept = rows.take(np.flatnonzero(~empty.any(axis=1)))
        dropped = len(rows.lines) - len(kept.lines)
        kept.notes.append(f"{rows.label}: {dropped} rows with empty cells were left out")
        return kept
    filled = pd.DataFrame(rows.values)
    filled = filled.ffill() if config.fill == "ffill" else filled.interpolate(limit_area="inside")
    filled.iloc[:, 1:] = filled.iloc[:, 1:].ffill().bfill()
    for column in np.flatnonzero(empty.any(axis=0)):
        how = "repeating the value before" if config.fill == "ffill" else "linear interpolation"
        count = int(empty[:, column].sum())
        rows.notes.append(
            f"{rows.label}: {count} empty values of '{names[column]}' were filled by {how}"
        )
    whole = replace(rows, values=filled.to_numpy())
    kept = whole.take(np.flatnonzero(~np.isnan(whole.values).any(axis=1)))
    if len(kept.lines) < len(rows.lines):
        ends = len(rows.lines) - len(kept.lines)
        kept.notes.append(f"{rows.label}: {ends} empty steps at its ends were left out")
    return kept


def _count_rows(rows: Rows, frequency: str) -> Rows:
    steps = steps_between(rows.times[0], rows.times[-1], frequency)
    missing = round(steps) + 1 - len(rows.times)
    if missing > 0:
        rows.notes.append(
            f"{rows.label}: {missing} steps without a row are counted as no time (fill='drop')"
        )
    return rows


def _refuse_gaps(rows: Rows, frequency: str, places: np.ndarray, gaps: int) -> Rows:
    after = np.flatnonzero(np.diff(places) > 1)
    hint = _daylight_hint(rows.times, after)
    largest = int(np.diff(places).max()) - 1
    word = "gap" if len(after) == 1 else "gaps"
    rows.fatal(
        "time-gaps",
        f"{gaps} steps of frequency '{frequency}' are missing in {len(after)} {word} (the largest "
        f"{largest}), the first after {rows.times[after[0]]} (line {rows.lines[after[0]]}){hint}",
        rows.lines[after],
        "choose how to fill: fill='linear' or 'ffill', or 'drop' to count rows as steps",
    )
    return rows


def _irregular(rows: Rows, config: SeriesConfig) -> Rows:
    if config.fill == "drop":
        rows.notes.append(f"{rows.label}: irregular times; the rows are counted as steps")
        return rows
    steps = np.diff(_ticks(rows.times))
    rows.fatal(
        "irregular-times",
        f"the times have no common step ({len(np.unique(steps))} different steps in {len(steps)})",
        rows.lines[:1],
        "name the frequency with a fill (frequency='D', fill='linear'), or count rows as steps "
        "(fill='drop')",
    )
    return rows


def _grid(times: Axis, frequency: str) -> Axis:
    if isinstance(times, pd.DatetimeIndex):
        return expected_times(times[0], times[-1], frequency)
    steps = round(float(times[-1] - times[0]) / float(frequency))
    # not multiples of the frequency, which is a name of six digits
    grid = np.linspace(times[0], times[-1], steps + 1)
    return np.round(grid).astype(times.dtype) if times.dtype.kind == "i" else grid


def _ticks(times: Axis) -> np.ndarray:
    if isinstance(times, pd.DatetimeIndex):
        return times.asi8.astype(float)
    return np.asarray(times, dtype=float)


def _nearest(grid: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """For each of the ticks, the place in the grid that is nearest."""
    above = np.searchsorted(grid, ticks).clip(0, len(grid) - 1)
    below = (above - 1).clip(0)
    return np.where(ticks - grid[below] < grid[above] - ticks, below, above)


def _tolerance(grid: Axis) -> float:
    ticks = _ticks(grid)
    exact = isinstance(grid, pd.DatetimeIndex) or grid.dtype.kind == "i"
    return 0.0 if exact or len(ticks) < 2 else 0.05 * float(ticks[1] - ticks[0])


def _daylight_hint(times: Axis, at: np.ndarray) -> str:
    """A repeated or missing hour in a night of spring or autumn is a clock that was changed."""
    if (
        not isinstance(times, pd.DatetimeIndex)
        or not len(at)
        or len(at) > 2 * len(times) / 1000 + 8
    ):
        return ""
    moments = times[at]
    clock = (moments.hour <= 4) & np.isin(moments.month, (3, 4, 9, 10, 11))
    if clock.mean() < 0.8:
        return ""
    return (
        "; this looks like daylight saving time: times in UTC or with an offset have no such steps"
    )
