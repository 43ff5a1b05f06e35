"""Series in long form: a table of id, time, channels and label, one row a step."""

from __future__ import annotations

import numpy as np

from mnemonist.data.labelled.columns import Columns
from mnemonist.data.labelled.reading import Reading
from mnemonist.data.labelled.tables import text_of
from mnemonist.data.numbers import parse_numbers
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.times import parse_times
from mnemonist.data.table import Table

__all__ = ["read_long"]


def read_long(table: Table, columns: Columns) -> Reading:
    """One series for each id, in the order in which the ids first appear.

    Rows of a series are put in the order of the time column where there is one.
    """
    reading = Reading(
        "series", table.name, channels=columns.channels, notes=[*table.notes, *columns.notes]
    )
    numbers = [parse_numbers(table, name) for name in columns.channels]
    reading.findings += [finding for one in numbers for finding in one.findings]
    values = np.stack([one.values for one in numbers], axis=1)
    ids = table.frame[columns.id].astype(str).str.strip().to_numpy(dtype=object)
    labels: list[str | None] = [None] * len(ids)
    if columns.label is not None:
        labels = [text_of(cell) for cell in table.frame[columns.label]]
    times = _times(table, columns.time, reading)
    unsorted = 0
    for id, rows in _rows(ids):
        if times is not None:
            order = np.argsort(times[rows], kind="stable")
            unsorted += not np.array_equal(order, np.arange(len(order)))
            rows = rows[order]
        own = {labels[row] for row in rows}
        if len(own) > 1:
            reading.fatal(
                "changing-label",
                f"the series '{id}' has the labels {', '.join(sorted(map(str, own)))}",
                [(table.name, int(table.lines[rows[0]]))],
                "a series has one class: correct the label, or give its parts ids of their own",
            )
        reading.add(values[rows], labels[rows[0]], table.name, int(table.lines[rows].min()), id)
    if unsorted:
        reading.notes.append(f"{unsorted} series were put in the order of '{columns.time}'")
    return reading


def _rows(ids: np.ndarray) -> list[tuple[str, np.ndarray]]:
    found: dict[str, list[int]] = {}
    for row, id in enumerate(ids):
        found.setdefault(id, []).append(row)
    return [(id, np.array(rows)) for id, rows in found.items()]


def _times(table: Table, column: str | None, reading: Reading) -> np.ndarray | None:
    if column is None:
        return None
    parsed = parse_times(table, column, SeriesConfig())
    reading.findings += parsed.findings
    reading.notes += parsed.notes
    return np.asarray(parsed.values)
