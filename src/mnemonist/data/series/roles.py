"""Which column is what: named by the user, or found and said aloud."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from mnemonist.data.findings import Finding, some
from mnemonist.data.numbers import numeric_columns
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.times import looks_like_times
from mnemonist.data.table import Table

__all__ = ["Roles", "assign_roles"]


@dataclass(frozen=True)
class Roles:
    """The columns by role; `time` and `id` may be None."""

    target: str
    time: str | None
    id: str | None
    known: tuple[str, ...]
    unknown: tuple[str, ...]


def assign_roles(
    table: Table, config: SeriesConfig
) -> tuple[Roles | None, list[Finding], list[str]]:
    """The roles, or None with the fatal findings; and the notes on what was chosen."""
    columns = list(table.frame.columns)
    findings = [
        _missing(table, name, columns)
        for name in (config.target, config.time, config.id, *config.known, *config.unknown)
        if name is not None and name not in columns
    ]
    if findings:
        return None, findings, []
    notes = []
    taken = {config.target, config.id, *config.known, *config.unknown}
    free = [column for column in columns if column not in taken]
    time = config.time or _find_time(table, free)
    if time is None:
        notes.append("time: no time column found; the rows are counted as steps")
    elif config.time is None:
        notes.append(f"time: the column '{time}', by its content")
    target = config.target
    free = [column for column in free if column != time]
    numeric = numeric_columns(
        Table(table.frame[free], table.lines, table.name, table.decimal, table.decimal_given)
    )
    if target is None:
        if not numeric:
            return None, [_no_target(table, columns, time)], notes
        target = numeric[-1]
        notes.append(f"target: the last numeric column '{target}'")
    unused = [column for column in free if column != target]
    if unused:
        notes.append(
            f"not used: {some([repr(name) for name in unused], len(unused), 8)} (name columns as "
            "known or unknown covariates to use them)"
        )
    return Roles(target, time, config.id, config.known, config.unknown), [], notes


def _find_time(table: Table, columns: list[str]) -> str | None:
    """The first column that reads as times."""
    return next((column for column in columns if looks_like_times(table, column)), None)


def _missing(table: Table, name: str, columns: list[str]) -> Finding:
    folded = {column.casefold(): column for column in reversed(columns)}
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    nearest = f"; the nearest is '{folded[close[0]]}'" if close else ""
    return Finding(
        "fatal",
        "missing-column",
        f"there is no column '{name}'{nearest}",
        table.name,
        None,
        (),
        f"name one of: {some(columns, len(columns), 12)}",
    )


def _no_target(table: Table, columns: list[str], time: str | None) -> Finding:
    beside = f" beside the time column '{time}'" if time else ""
    return Finding(
        "fatal",
        "no-numeric-column",
        f"no column holds numbers{beside} (columns: {some(columns, len(columns), 12)})",
        table.name,
        int(table.lines[0]),
        (),
        "name the target column, the delimiter, or the decimal sign",
    )
