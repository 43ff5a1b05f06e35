"""Tables of texts and labels: CSV, TSV, Parquet, JSON lines, DataFrames."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.labelled.columns import Columns, find_columns, require
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.files import numbered_lines
from mnemonist.data.labelled.reading import Reading
from mnemonist.data.table import Table, read_table
from mnemonist.errors import DataError

__all__ = ["JSON_LINES", "any_table", "label_table", "read_texts", "text_of"]

JSON_LINES = (".jsonl", ".ndjson")
_SYMBOLS = re.compile(r"[ACGTURYSWKMBDHVN-]{8,}", re.IGNORECASE)
_LOOKED_AT = 200


def any_table(source: str | Path | pd.DataFrame, config: LabelledConfig) -> Table:
    """The cells of a table in any of its forms."""
    if not isinstance(source, pd.DataFrame):
        path = Path(source)
        if path.suffix.lower() in JSON_LINES:
            return _json_lines(path, config)
        if path.suffix.lower() == ".tsv" and config.delimiter is None:
            config = config.model_copy(update={"delimiter": "\t"})
    return read_table(
        source,
        encoding=config.encoding,
        delimiter=config.delimiter,
        decimal=config.decimal,
        max_bytes=config.max_bytes,
    )


def read_texts(table: Table, columns: Columns, config: LabelledConfig) -> Reading:
    """One item a row: its text and its label.

    A text file whose header is a row of data (its name for a label column that was not named is
    itself a label) is read as one without header.
    """
    if config.label is None:
        table = _without_header(table, columns)
    assert columns.text is not None
    texts = [text_of(cell) or "" for cell in table.frame[columns.text]]
    labels: list[str | None] = [None] * len(texts)
    if columns.label is not None:
        labels = [text_of(cell) for cell in table.frame[columns.label]]
    kind = config.kind or _kind(texts)
    reading = Reading(kind, table.name, notes=[*table.notes, *columns.notes])
    if kind == "symbols" and config.kind is None:
        reading.notes.append("kind: symbols, for the texts are strings of nucleotides")
    for text, label, line in zip(texts, labels, table.lines, strict=True):
        reading.add(text, label, table.name, int(line))
    return reading


def label_table(path: Path, config: LabelledConfig) -> dict[str, str]:
    """The labels that a table of names and labels gives, by name."""
    table = any_table(path, config)
    names = list(table.frame.columns)
    if config.id is not None or config.label is not None:
        id, label = config.id or names[0], config.label or names[-1]
        for name in (id, label):
            require(table, name)
    elif len(names) == 2:
        id, label = names
    else:
        found = find_columns(table, config.model_copy(update={"kind": "series"}), labelled=True)
        id, label = found.id or names[0], found.label or names[-1]
    labels: dict[str, str] = {}
    for name, cell, line in zip(table.frame[id], table.frame[label], table.lines, strict=True):
        name, value = str(name).strip(), text_of(cell)
        if value is None:
            continue
        if labels.setdefault(name, value) != value:
            raise DataError(
                f"{path}, line {line}: '{name}' has the label '{value}' here and '{labels[name]}' "
                "above. Keep one."
            )
    return labels


def text_of(cell: Any) -> str | None:
    """What a cell holds, None where it is empty; "none" and "NA" are labels like any other."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return None
    return str(cell).strip() or None


def _kind(texts: list[str]) -> Any:
    head = [text for text in texts[:_LOOKED_AT] if text]
    return "symbols" if head and all(map(_SYMBOLS.fullmatch, head)) else "text"


def _without_header(table: Table, columns: Columns) -> Table:
    label = columns.label
    if label is None or table.encoding is None or label not in set(table.frame[label]):
        return table
    first = pd.DataFrame([list(table.frame.columns)], columns=table.frame.columns, dtype=object)
    above = 1 + sum(name.count("\n") for name in table.frame.columns)
    columns.notes.append(f"no header: its '{label}' is one of the labels, so the first row is data")
    return replace(
        table,
        frame=pd.concat([first, table.frame], ignore_index=True),
        lines=np.concatenate([[max(1, int(table.lines[0]) - above)], table.lines]),
    )


def _json_lines(path: Path, config: LabelledConfig) -> Table:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in numbered_lines(path, config):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: no JSON: {error}.") from error
        if not isinstance(row, dict):
            raise DataError(
                f'{path}, line {number}: {type(row).__name__}; an object {{"text": ..., "label": '
                "...}} was expected."
            )
        nested = [name for name, value in row.items() if isinstance(value, list | dict)]
        rows.append({name: value for name, value in row.items() if name not in nested})
        lines.append(number)
    if not rows or not any(rows):
        raise DataError(f"{path} holds no objects with texts and labels.")
    frame = pd.DataFrame(rows, dtype=object)
    frame = frame.where(frame.notna(), None)
    return Table(frame, np.array(lines), str(path))
