"""Times out of cells: formats, ambiguity, and what kind of time it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, some
from mnemonist.data.numbers import is_missing
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.table import Table
from mnemonist.errors import ConfigError

__all__ = ["Times", "looks_like_times", "parse_times"]

_NAMES = re.compile(
    r"(date|time|day|week|month|year|quarter|timestamp|datetime|ds|period|index|"
    r"日期|时间|日|月份|年份|年|月|周|时刻)",
    re.IGNORECASE,
)
_FORMATS = (
    "%Y年%m月%d日",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日%H时",
    "%Y年%m月",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d",
    "%Y/%m",
    "%YM%m",
    "%b %Y",
    "%B %Y",
    "%Y %b",
    "%b-%y",
    "%b-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y%m%d %H%M",
    "%Y%m%d %H:%M",
)
_MISWRITTEN = 0.1
_NUMERIC_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})([ T].*)?")
_QUARTER = re.compile(r"(\d{4})[- ]?[Qq]([1-4])")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})")


@dataclass
class Times:
    """A time column: datetimes, or numbers that count; NaT/NaN where `bad` is true."""

    values: pd.DatetimeIndex | np.ndarray
    bad: np.ndarray
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def looks_like_times(table: Table, column: str, rows: int = 50) -> bool:
    """Whether a column is a time column, by its cells, or by its name and increasing numbers."""
    cells = table.frame[column].head(rows)
    if pd.api.types.is_datetime64_any_dtype(cells):
        return True
    cells = cells[~is_missing(cells)]
    if not len(cells):
        return False
    numbers = pd.to_numeric(cells.astype(str), errors="coerce")
    if numbers.notna().all():
        increasing = bool((np.diff(numbers.to_numpy(float)) > 0).all())
        return _NAMES.search(column) is not None and (increasing or _named_exactly(column))
    head = Table(cells.to_frame(), table.lines[: len(cells)], table.name)
    # a few that are none make a finding with their lines, not a table without times
    return float(parse_times(head, column, SeriesConfig()).bad.mean()) <= _MISWRITTEN


def _named_exactly(column: str) -> bool:
    return _NAMES.fullmatch(column.strip()) is not None


def parse_times(table: Table, column: str, config: SeriesConfig) -> Times:
    """The column as times; cells that are none become a fatal finding with their lines."""
    cells = table.frame[column]
    if pd.api.types.is_datetime64_any_dtype(cells):
        times = _finish(pd.DatetimeIndex(cells))
    else:
        times = _parse(cells.astype(str).str.strip().mask(is_missing(cells), ""), config)
    if isinstance(times.values, pd.DatetimeIndex):
        times.bad = np.asarray(times.values.isna())
    if times.bad.any():
        lines, count = table.lines[times.bad], int(times.bad.sum())
        shown = some((repr(str(cell)) for cell in cells[times.bad]), count)
        times.findings.append(
            Finding(
                "fatal",
                "not-a-time",
                f"column '{column}': {count} of {len(cells)} cells are no time that can be read: "
                f"{shown} (lines {some(lines, count)})",
                table.name,
                int(lines[0]),
                tuple(int(line) for line in lines[:10]),
                "correct these cells, name the format (time_format='%d.%m.%Y %H:%M'), or name "
                "another time column",
            )
        )
    times.notes = [f"time column '{column}': {note}" for note in times.notes]
    return times


def _parse(text: pd.Series, config: SeriesConfig) -> Times:
    if config.time_format is not None:
        try:
            return _finish(_to_datetime(text, config.time_format))
        except ValueError as error:
            raise ConfigError(
                f"time_format={config.time_format!r}: {error}; for example '%d.%m.%Y %H:%M'."
            ) from error
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
    if not np.isnan(numbers).any():
        return _from_numbers(numbers, text)
    parsed = _to_datetime(text, "ISO8601")
    if not parsed.isna().any():
        return _finish(parsed)
    best = Times(parsed, np.asarray(parsed.isna()))
    for candidate in _candidates(text, config.day_first):
        if candidate.bad.sum() < best.bad.sum():
            best = candidate
        if not best.bad.any():
            break
    return best


def _candidates(text: pd.Series, day_first: bool | None) -> Iterator[Times]:
    if text.str.fullmatch(_NUMERIC_DATE).mean() > 0.5:
        yield _numeric_dates(text, day_first)
    for pattern, build in ((_QUARTER, _quarter), (_WEEK, _week)):
        if text.str.fullmatch(pattern).mean() > 0.5:
            parts = text.str.extract(pattern)
            yield _finish(build(parts))
    for form in _FORMATS:
        yield _finish(_to_datetime(text, form))


def _quarter(parts: pd.DataFrame) -> pd.DatetimeIndex:
    month = (pd.to_numeric(parts[1]) * 3 - 2).astype("Int64").astype(str)
    return _to_datetime(parts[0] + "-" + month, "%Y-%m")


def _week(parts: pd.DataFrame) -> pd.DatetimeIndex:
    return _to_datetime(parts[0] + parts[1] + "1", "%G%V%u")


def _to_datetime(text: pd.Series, form: str) -> pd.DatetimeIndex:
    try:
        return pd.DatetimeIndex(pd.to_datetime(text, format=form, errors="coerce"))
    except (ValueError, TypeError):
        return pd.DatetimeIndex(pd.to_datetime(text, format=form, errors="coerce", utc=True))


def _finish(values: pd.DatetimeIndex) -> Times:
    notes = []
    if values.tz is not None:
        notes.append(f"times with an offset ({values.tz}) are counted in UTC")
        values = values.tz_convert("UTC").tz_localize(None)
    return Times(values.as_unit("us"), np.asarray(values.isna()), notes=notes)


def _numeric_dates(text: pd.Series, day_first: bool | None) -> Times:
    """03/04/2020: the order of day and month from the days above 12, else from regularity."""
    parts = text.str.extract(_NUMERIC_DATE)
    first, second = pd.to_numeric(parts[0]), pd.to_numeric(parts[2])
    year = parts[3].where(parts[3].str.len() == 4, "20" + parts[3].fillna(""))
    rest = parts[4].fillna("").str.replace("T", " ", regex=False)

    def read(days: pd.Series, months: pd.Series) -> pd.DatetimeIndex:
        iso = (
            year
            + "-"
            + months.astype("Int64").astype(str).str.zfill(2)
            + "-"
            + days.astype("Int64").astype(str).str.zfill(2)
            + rest
        )
        return _to_datetime(iso, "ISO8601")

    if day_first is not None:
        return _finish(read(first, second) if day_first else read(second, first))
    if (first > 12).any() or (second > 12).any():
        days_first = bool((first > 12).any())
        times = _finish(read(first, second) if days_first else read(second, first))
        order = "day/month" if days_first else "month/day"
        times.notes.append(f"read as {order} (a number above 12 stands in the day's place)")
        return times
    by_day, by_month = _finish(read(first, second)), _finish(read(second, first))
    days_first = _irregularity(by_day) < _irregularity(by_month)
    times, order, flag = (
        (by_day, "day/month", "day_first=False")
        if days_first
        else (by_month, "month/day", "day_first=True")
    )
    times.findings.append(
        Finding(
            "warning",
            "day-or-month-first",
            f"dates such as {text.iloc[-1]!r} can be read as day/month or month/day; they are read "
            f"as {order}, which gives the more regular steps",
            remedy=f"if that is wrong, say {flag} or name the format",
        )
    )
    return times


def _irregularity(times: Times) -> float:
    """Share of steps that differ from the commonest step, backward steps counted twice."""
    assert isinstance(times.values, pd.DatetimeIndex)
    steps = np.diff(times.values.asi8)
    if not len(steps):
        return 0.0
    _, counts = np.unique(steps, return_counts=True)
    return float(1 - counts.max() / len(steps) + 2 * np.mean(steps < 0))


def _from_numbers(numbers: np.ndarray, text: pd.Series) -> Times:
    """Whole numbers count steps, unless they are dates written without separators."""
    good = np.zeros(len(numbers), bool)
    if (numbers == np.round(numbers)).all():
        for digits, form, label in ((8, "%Y%m%d", "YYYYMMDD"), (6, "%Y%m", "YYYYMM")):
            if text.str.fullmatch(rf"\d{{{digits}}}").all():
                parsed = _to_datetime(text, form)
                years = parsed.year
                if not parsed.isna().any() and years.min() >= 1500 and years.max() <= 2300:
                    times = _finish(parsed)
                    times.notes.append(f"numbers of {digits} digits are read as {label}")
                    return times
        return Times(numbers.astype(np.int64), good, notes=["whole numbers, counted as steps"])
    return _decimal_years(numbers) or Times(numbers, good, notes=["numbers, counted as steps"])


def _decimal_years(numbers: np.ndarray) -> Times | None:
    """1949.0, 1949.083, ...: months or quarters written as fractions of a year."""
    if not (numbers.min() >= 1500 and numbers.max() <= 2300 and len(numbers) > 2):
        return None
    step = float(np.median(np.diff(numbers)))
    for parts, name in ((12, "months"), (4, "quarters")):
        whole = np.round(numbers * parts)
        if abs(step * parts - 1) < 0.05 and np.abs(numbers * parts - whole).max() < 0.1:
            month = whole.astype(int) % parts * (12 // parts) + 1
            years = whole.astype(int) // parts
            text = pd.Series([f"{y}-{m:02d}" for y, m in zip(years, month, strict=True)])
            times = _finish(_to_datetime(text, "%Y-%m"))
            times.notes.append(f"decimal years are read as {name}")
            return times
    return None
