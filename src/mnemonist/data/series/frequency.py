"""The step of a time column: inferred, and where it is broken."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset

from mnemonist.errors import ConfigError

__all__ = [
    "Axis",
    "expected_times",
    "in_words",
    "infer_frequency",
    "parse_frequency",
    "steps_between",
    "times_after",
]

Axis = pd.DatetimeIndex | np.ndarray
"""Times: datetimes, or numbers that count."""

_DAY = 86_400_000_000  # in µs, the unit of every datetime here
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def parse_frequency(alias: str) -> BaseOffset:
    """A pandas frequency alias as an offset; ConfigError when pandas knows none such."""
    try:
        offset = to_offset(alias)
    except ValueError as error:
        raise ConfigError(
            f"frequency={alias!r} is no frequency; for example '30min', 'h', 'D', 'B', 'W-FRI', "
            "'MS', 'QS', 'YS'."
        ) from error
    assert offset is not None
    return offset


def infer_frequency(times: Axis) -> str | None:
    """The commonest step as a pandas alias, or as the number of units for counting times.

    Gaps do not matter as long as most steps agree; None where they do not, or where there
    are fewer than three rows.

    >>> infer_frequency(pd.date_range("2020-01-03", periods=9, freq="W-FRI"))
    'W-FRI'
    >>> infer_frequency(pd.date_range("2020-01-31", periods=9, freq="ME"))
    'ME'
    >>> infer_frequency(np.arange(0, 50, 5))
    '5'
    """
    if len(times) < 3:
        return None
    if not isinstance(times, pd.DatetimeIndex):
        return _counting_step(np.asarray(times))
    times = times.unique().sort_values().as_unit("us")
    if len(times) < 3:
        return None
    return _by_month(times) or _business_days(times) or _fixed(times)


def expected_times(first: pd.Timestamp, last: pd.Timestamp, frequency: str) -> pd.DatetimeIndex:
    """Every time from `first` to `last` at this frequency."""
    return pd.date_range(first, last, freq=parse_frequency(frequency)).as_unit("us")


def steps_between(first: Any, last: Any, frequency: str) -> float:
    """About how many steps lie between two times.

    >>> round(steps_between(0, 10, "2"))
    5
    """
    if isinstance(first, pd.Timestamp):
        offset = parse_frequency(frequency)
        start = first.normalize()
        length = (start + offset * 12 - (start + offset * 0)) / 12
        if frequency == "B":
            length = pd.Timedelta(days=1.4)
        return float((last - first) / length)
    return float((last - first) / float(frequency))


def times_after(times: Axis, frequency: str | None, steps: int) -> Axis:
    """The `steps` times that follow the last one."""
    if isinstance(times, pd.DatetimeIndex):
        if frequency is None:
            step = np.median(np.diff(times.asi8)).astype(np.int64)
            ahead = times.asi8[-1] + step * np.arange(1, steps + 1)
            return pd.DatetimeIndex(ahead.astype("datetime64[us]"))
        start = times[-1] + parse_frequency(frequency)
        return pd.date_range(start, periods=steps, freq=parse_frequency(frequency)).as_unit("us")
    step = float(frequency) if frequency else float(np.median(np.diff(times)))
    ahead = times[-1] + step * np.arange(1, steps + 1)
    return np.round(ahead).astype(times.dtype) if times.dtype.kind == "i" else ahead


def _counting_step(values: np.ndarray) -> str | None:
    steps = np.diff(np.sort(values.astype(float)))
    steps = steps[steps > 0]
    if not len(steps):
        return None
    rounded = np.array([float(f"{step:.6g}") for step in steps])
    step, count = Counter(rounded.tolist()).most_common(1)[0]
    return f"{step:g}" if count > 0.5 * len(steps) else None


def _by_month(times: pd.DatetimeIndex) -> str | None:
    """Months, quarters and years, anchored on the first, the last, or a day in between."""
    midnight = times.normalize()
    if not (times == midnight).all():
        return None
    if (times.day == 1).all():
        kind = "S"
    elif times.is_month_end.all():
        kind = "E"
    else:
        return None
    months = np.diff(times.year.to_numpy() * 12 + times.month.to_numpy())
    if not len(months) or not (months > 0).all():
        return None
    step, count = Counter(months.tolist()).most_common(1)[0]
    if count <= 0.5 * len(months):
        return None
    anchor = _MONTHS[times[0].month - 1]
    if step == 12:
        return f"Y{kind}-{anchor}"
    if step == 3:
        return f"Q{kind}-{anchor}"
    return f"M{kind}" if step == 1 else f"{step}M{kind}"


def _business_days(times: pd.DatetimeIndex) -> str | None:
    if not (times == times.normalize()).all() or (times.day_of_week >= 5).any() or len(times) < 6:
        return None
    steps = np.diff(times.asi8) // _DAY
    ones, threes = np.mean(steps == 1), np.mean(steps == 3)
    return "B" if ones > 0.5 and threes > 0.05 else None


def _fixed(times: pd.DatetimeIndex) -> str | None:
    steps = np.diff(times.asi8)
    step, count = Counter(steps.tolist()).most_common(1)[0]
    if count <= 0.5 * len(steps):
        return None
    if step % _DAY == 0:
        days = step // _DAY
        if days % 7 == 0:
            weekday = _WEEKDAYS[Counter(times.day_of_week.tolist()).most_common(1)[0][0]]
            return f"W-{weekday}" if days == 7 else f"{days // 7}W-{weekday}"
        return "D" if days == 1 else f"{days}D"
    for unit, size in (("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000)):
        if step % size == 0:
            return unit if step == size else f"{step // size}{unit}"
    return f"{step}us"


def in_words(frequency: str | None) -> str:
    """A frequency for people, with its alias where that says more.

    >>> [in_words(one) for one in ("W-FRI", "D", "30min", "MS", "0.5", None)]
    ['a week, to Friday', 'a day', '30 minutes', 'a month', '0.5 units of its times', 'a row; no times']
    """
    if frequency is None:
        return "a row; no times"
    count, alias = re.fullmatch(r"([\d.]*)(.*)", frequency).groups()  # type: ignore[union-attr]
    base, _, day = alias.partition("-")
    if not alias:
        return f"{count} units of its times"
    if base not in _UNITS:
        return frequency
    unit = _UNITS[base]
    words = f"{count} {unit}s" if count not in ("", "1") else f"a{'n' * (unit[0] == 'h')} {unit}"
    return f"{words}, to {_DAYS[day]}" if base == "W" and day in _DAYS else words


_UNITS = {
    "s": "second",
    "min": "minute",
    "h": "hour",
    "D": "day",
    "B": "working day",
    "W": "week",
    **dict.fromkeys(("MS", "ME"), "month"),
    **dict.fromkeys(("QS", "QE"), "quarter"),
    **dict.fromkeys(("YS", "YE"), "year"),
}
_DAYS = dict(
    zip(
        _WEEKDAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
