"""From a source to series: every choice said, every fault found, nothing changed in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, raise_fatal
from mnemonist.data.numbers import is_missing, parse_numbers
from mnemonist.data.series.calendar import calendar_features, calendar_names
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.frequency import Axis, infer_frequency
from mnemonist.data.series.grid import Rows, fill_missing, order, regularise
from mnemonist.data.series.model import Series, SeriesSet
from mnemonist.data.series.roles import Roles, assign_roles
from mnemonist.data.series.season import infer_seasons
from mnemonist.data.series.times import parse_times
from mnemonist.data.table import Table, read_table
from mnemonist.errors import ConfigError

__all__ = ["inspect_series", "load_series"]

_SHOWN_PER_CODE = 3

Source = str | Path | pd.DataFrame


def load_series(source: Source, config: SeriesConfig | None = None) -> SeriesSet:
    """Read the series of a CSV, TSV or Parquet file or of a DataFrame.

    Args:
        source: a path or a DataFrame.
        config: which columns mean what; by default the last numeric column is the target and
            the time column is found.

    Returns:
        The series; `.notes` tells every choice and change, `.findings` the warnings.

    Raises:
        DataError: the file cannot be used as it is; the message names lines and remedies.
        ConfigError: options that contradict each other.

    >>> frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "sold": range(60)})
    >>> data = load_series(frame)
    >>> data.target_name, data.frequency, len(data)
    ('sold', 'D', 60)
    >>> data.notes
    ["time: the column 'day', by its content", "target: the last numeric column 'sold'"]
    """
    data, findings = inspect_series(source, config)
    raise_fatal(findings)
    assert data is not None
    return data


def inspect_series(
    source: Source, config: SeriesConfig | None = None
) -> tuple[SeriesSet | None, list[Finding]]:
    """The series, or None, and everything found on the way, fatal findings included."""
    config = config or SeriesConfig()
    table = read_table(
        source,
        encoding=config.encoding,
        delimiter=config.delimiter,
        decimal=config.decimal,
        max_bytes=config.max_bytes,
    )
    roles, findings, notes = assign_roles(table, config)
    if roles is None:
        return None, findings
    reading = _read_columns(table, roles, config)
    findings += reading.findings
    notes = table.notes + notes + reading.notes
    if any(finding.severity == "fatal" for finding in findings):
        return None, findings
    return _assemble(table, roles, config, reading, findings, notes)


@dataclass
class _Reading:
    """Columns as numbers and times, before they are parted into series."""

    times: Axis
    values: np.ndarray
    ids: np.ndarray
    counted: bool
    findings: list[Finding]
    notes: list[str]


def _read_columns(table: Table, roles: Roles, config: SeriesConfig) -> _Reading:
    findings: list[Finding] = []
    notes: list[str] = []
    columns = []
    for name in (roles.target, *roles.unknown, *roles.known):
        numbers = parse_numbers(table, name)
        findings += numbers.findings
        columns.append(numbers.values)
        infinite = np.isinf(numbers.values)
        if infinite.any():
            lines = table.lines[infinite]
            findings.append(
                Finding(
                    "fatal",
                    "infinite-values",
                    f"column '{name}' has {len(lines)} infinite values",
                    table.name,
                    int(lines[0]),
                    tuple(int(line) for line in lines[:10]),
                    "correct them, or leave the cells empty and choose a fill",
                )
            )
    times: Axis = np.arange(len(table))
    if roles.time is not None:
        parsed = parse_times(table, roles.time, config)
        times, findings, notes = (
            parsed.values,
            findings + parsed.findings,
            notes + parsed.notes,
        )
    return _Reading(
        times,
        np.stack(columns, axis=1),
        _ids(table, roles.id, findings),
        roles.time is None,
        findings,
        notes,
    )


def _ids(table: Table, column: str | None, findings: list[Finding]) -> np.ndarray:
    if column is None:
        return np.full(len(table), "", dtype=object)
    cells = table.frame[column]
    missing = is_missing(cells)
    if missing.any():
        lines = table.lines[missing]
        findings.append(
            Finding(
                "fatal",
                "missing-id",
                f"the id column '{column}' has {len(lines)} empty cells",
                table.name,
                int(lines[0]),
                tuple(int(line) for line in lines[:10]),
                "fill in which series these rows belong to",
            )
        )
    return cells.astype(str).str.strip().to_numpy(dtype=object)


def _assemble(
    table: Table,
    roles: Roles,
    config: SeriesConfig,
    reading: _Reading,
    findings: list[Finding],
    notes: list[str],
) -> tuple[SeriesSet | None, list[Finding]]:
    names = (roles.target, *roles.unknown, *roles.known)
    parts = [order(rows, config) for rows in _part(table, reading)]
    if roles.time is not None and roles.id is None:
        _suggest_id(parts, table, roles)
    fatal = [finding for rows in parts for finding in rows.findings]
    if fatal:
        return None, findings + _limited(fatal)
    frequency = _frequency(parts, config, findings, notes)
    series = []
    for rows, name in zip(parts, dict.fromkeys(reading.ids), strict=True):
        rows, ahead = _cut_future(rows, len(roles.known), config)
        rows = fill_missing(regularise(rows, frequency, config), names, config)
        fatal += rows.findings
        notes += rows.notes
        if not rows.findings and len(rows.lines):
            series.append(_series(str(name), rows, ahead, len(roles.unknown), roles, config))
        elif not rows.findings:
            fatal.append(
                Finding(
                    "fatal",
                    "no-rows",
                    f"{rows.label} has no filled row",
                    table.name,
                    remedy="fill the target",
                )
            )
    if fatal:
        return None, findings + _limited(fatal)
    longest = max(series, key=len)
    if config.season is not None:
        seasons: tuple[int, ...] = (config.season,) if config.season > 1 else ()
    else:
        seasons = infer_seasons(longest.target, frequency)
        if seasons:
            shown = " and ".join(map(str, seasons))
            notes.append(f"season: {shown} steps, by the autocorrelation of '{roles.target}'")
    known = (*roles.known, *calendar_names(config.calendar))
    return SeriesSet(
        series, table.name, roles.target, roles.time, roles.id, known, roles.unknown, frequency,
        seasons, config.calendar, notes, findings,
    ), findings  # fmt: skip


def _part(table: Table, reading: _Reading) -> list[Rows]:
    """The rows of each id, in the order in which the ids first appear."""
    parts = []
    labels, codes = np.unique(reading.ids.astype(str), return_inverse=True)
    order_of_first = np.argsort([np.argmax(codes == k) for k in range(len(labels))])
    for k in order_of_first:
        index = np.flatnonzero(codes == k)
        label = f"series '{labels[k]}'" if labels[k] or len(labels) > 1 else "the table"
        times = np.arange(len(index)) if reading.counted else reading.times[index]
        parts.append(
            Rows(
                label, table.name, times, reading.values[index], table.lines[index], reading.counted
            )
        )
    return parts


def _suggest_id(parts: list[Rows], table: Table, roles: Roles) -> None:
    """Where times repeat, name the column that would make them unique."""
    for rows in parts:
        for k, finding in enumerate(rows.findings):
            if finding.code not in ("duplicate-times", "unsorted-times"):
                continue
            for column in table.frame.columns:
                if column in (roles.target, roles.time, *roles.known, *roles.unknown):
                    continue
                few = table.frame[column].nunique() <= max(2, len(table) // 3)
                pairs = table.frame[[roles.time, column]].astype(str)
                if few and not pairs.duplicated().any():
                    remedy = f"the column '{column}' tells series apart: name it (id='{column}')"
                    rows.findings[k] = Finding(
                        finding.severity, finding.code, finding.message, finding.file,
                        finding.line, finding.lines, remedy,
                    )  # fmt: skip
                    break


def _frequency(
    parts: list[Rows], config: SeriesConfig, findings: list[Finding], notes: list[str]
) -> str | None:
    first = parts[0]
    if first.counted:
        if config.frequency is not None:
            raise ConfigError(
                f"frequency={config.frequency!r}: the file has no time column, so its rows are "
                "counted. Name the time column with --time, or leave the frequency out."
            )
        return None
    datetimes = isinstance(first.times, pd.DatetimeIndex)
    if config.frequency is not None:
        if not datetimes and not _is_number(config.frequency):
            raise ConfigError(
                f"frequency={config.frequency!r}: the time column counts in numbers, so the "
                "frequency is a number too, for example '1'."
            )
        return config.frequency
    inferred = [infer_frequency(rows.times) for rows in parts]
    known = [one for one in inferred if one is not None]
    if not known:
        return None
    frequency, _ = Counter(known).most_common(1)[0]
    others = sorted({one for one in known if one != frequency})
    if others:
        findings.append(
            Finding(
                "warning",
                "mixed-frequencies",
                f"most series step by '{frequency}', others by {', '.join(others)}",
                first.file,
                remedy="forecast series of one frequency together, or name the frequency",
            )
        )
    return frequency


def _is_number(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _cut_future(rows: Rows, known: int, config: SeriesConfig) -> tuple[Rows, Rows | None]:
    """Rows at the end with known covariates and no target are the future, not gaps."""
    filled = np.flatnonzero(~np.isnan(rows.values[:, 0]))
    if not known or not len(filled) or filled[-1] == len(rows.lines) - 1:
        return rows, None
    end = int(filled[-1]) + 1
    ahead = rows.take(np.arange(end, len(rows.lines)))
    if np.isnan(ahead.values[:, -known:]).any():
        return rows, None
    kept = rows.take(np.arange(end))
    kept.notes.append(
        f"{rows.label}: the last {len(ahead.lines)} rows have known covariates and no target; they "
        "are taken as the future"
    )
    return kept, ahead


def _series(
    name: str, rows: Rows, ahead: Rows | None, unknown: int, roles: Roles, config: SeriesConfig
) -> Series:
    known = rows.values[:, 1 + unknown :]
    extra: dict[str, Any] = {}
    if config.calendar:
        if not isinstance(rows.times, pd.DatetimeIndex):
            raise ConfigError(
                f"calendar={config.calendar}: calendar features need a time column with dates."
            )
        known = np.concatenate([known, calendar_features(rows.times, config.calendar)], axis=1)
    if ahead is not None:
        future = ahead.values[:, 1 + unknown :]
        if config.calendar and isinstance(ahead.times, pd.DatetimeIndex):
            derived = calendar_features(ahead.times, config.calendar)
            future = np.concatenate([future, derived], axis=1)
        extra = {"future_known": future, "future_times": ahead.times}
    return Series(
        name,
        np.ascontiguousarray(rows.values[:, 0]),
        None if roles.time is None else rows.times,
        np.ascontiguousarray(known),
        np.ascontiguousarray(rows.values[:, 1 : 1 + unknown]),
        rows.lines,
        **extra,
    )


def _limited(findings: list[Finding]) -> list[Finding]:
    """The first few findings of each kind, and how many more series have it."""
    seen: Counter[str] = Counter()
    kept = []
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] <= _SHOWN_PER_CODE:
            kept.append(finding)
    for code, count in seen.items():
        if count > _SHOWN_PER_CODE:
            more = count - _SHOWN_PER_CODE
            kept.append(Finding("fatal", code, f"{more} more series have the fault '{code}'"))
    return kept
