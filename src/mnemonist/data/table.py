"""A table from a file or a DataFrame, cells as they stand, each row with its file line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.dialect import sniff
from mnemonist.data.encodings import decoded, detect_encoding
from mnemonist.data.files import check_file
from mnemonist.data.findings import some
from mnemonist.data.limits import MAX_BYTES
from mnemonist.errors import ConfigError, DataError, MissingExtraError

__all__ = ["Table", "read_table"]

_SNIFFED_LINES = 200
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar"}


@dataclass
class Table:
    """Columns and rows as read.

    Args:
        frame: the cells; text where they come from a text file, typed otherwise.
        lines: (rows,) the file line on which each row starts, counted from 1.
        name: the file as named, or "DataFrame".
        decimal: the decimal sign of the text cells.
        decimal_given: whether the caller named it, so that 1,234 has one reading only.
        encoding: of a text file, otherwise None.
        notes: what was decided while reading.
    """

    frame: pd.DataFrame
    lines: np.ndarray
    name: str
    decimal: str = "."
    decimal_given: bool = False
    encoding: str | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frame)


def read_table(
    source: str | Path | pd.DataFrame,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """Read a CSV, TSV or Parquet file, or take a DataFrame.

    Encoding (UTF-8, GBK, UTF-16), delimiter (comma, semicolon, tab, bar), decimal sign and
    the presence of a header are detected; whatever is not the plain case (UTF-8, a header,
    the decimal point) is told in `notes`. Cells of text files stay text.

    Args:
        source: a path, or a DataFrame (its named index becomes columns).
        encoding: the text encoding, when it cannot be or should not be detected.
        delimiter: one character.
        decimal: "." or ",".
        max_bytes: refuse larger files; reading takes up to ten times the file's size in memory.

    Raises:
        DataError: no such file, empty, too large, not decodable, rows of unequal width,
            repeated column names.

    >>> import pandas as pd
    >>> table = read_table(pd.DataFrame({"load": [1.5, 2.5]}))
    >>> len(table), list(table.frame.columns), table.lines.tolist()
    (2, ['load'], [1, 2])
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, "DataFrame")
    if decimal not in (None, ".", ","):
        raise ConfigError(f"decimal={decimal!r}: the decimal sign is '.' or ','.")
    path = Path(source)
    check_file(
        path,
        max_bytes=max_bytes,
        wanted="a CSV, TSV or Parquet file",
        content="a header and rows were",
        cost="; reading it takes up to ten times that in memory. Keep only the columns and rows "
        "that are needed",
    )
    if path.suffix.lower() in (".parquet", ".pq"):
        return _from_frame(_read_parquet(path), str(path))
    return _read_text(path, encoding, delimiter, decimal)


def _from_frame(frame: pd.DataFrame, name: str) -> Table:
    if any(label is not None for label in frame.index.names):
        frame = frame.reset_index()
    elif isinstance(frame.index, pd.DatetimeIndex):
        name_of_index = "time" if "time" not in frame.columns else "index"
        if name_of_index not in frame.columns:
            frame = frame.rename_axis(name_of_index).reset_index()
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    _refuse_repeated(list(frame.columns), name)
    if not len(frame):
        raise DataError(f"{name} has no rows.")
    return Table(frame.reset_index(drop=True), np.arange(1, len(frame) + 1), name)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Parquet files", package="pyarrow", extra="parquet") from error
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no readable Parquet file: {error}.") from error


def _read_text(
    path: Path, encoding: str | None, delimiter: str | None, decimal: str | None
) -> Table:
    notes = []
    if encoding is None:
        encoding = detect_encoding(path)
        if not encoding.startswith("utf-8"):
            label = "GBK (as gb18030)" if encoding == "gb18030" else encoding.upper()
            notes.append(f"encoding: {label}, detected")
    with decoded(path, encoding):
        with path.open(encoding=encoding, newline="") as file:
            head, skipped = _head(file)
        dialect = sniff(head, delimiter=delimiter, decimal=decimal)
        with path.open(encoding=encoding, newline="") as file:
            for _ in range(skipped):
                file.readline()
            names, rows, lines = _rows(file, dialect.delimiter, dialect.header, skipped, str(path))
    if skipped:
        notes.append(f"{skipped} lines before the table (comments or blank) were skipped")
    if dialect.delimiter != "," and len(names) > 1:
        notes.append(f"delimiter: {_NAMES.get(dialect.delimiter, dialect.delimiter)}")
    if dialect.decimal == ",":
        notes.append("decimal sign: comma")
    if not dialect.header:
        notes.append("no header (the first row is numbers): columns are named 'column 1', ...")
    columns = list(zip(*rows, strict=True))
    frame = pd.DataFrame(
        {name: np.array(cells, dtype=object) for name, cells in zip(names, columns, strict=True)},
        dtype=object,
    )
    return Table(
        frame, np.array(lines), str(path), dialect.decimal, decimal is not None, encoding, notes
    )


def _head(file: io.TextIOBase) -> tuple[list[str], int]:
    """The first lines of the table, and how many lines before it are comments or blank."""
    skipped = 0
    head: list[str] = []
    for line in islice(file, 10 * _SNIFFED_LINES):
        if not head and (line.startswith("#") or not line.strip()):
            skipped += 1
            continue
        head.append(line)
        if len(head) == _SNIFFED_LINES:
            break
    return head, skipped


def _rows(
    file: io.TextIOBase, delimiter: str, header: bool, skipped: int, name: str
) -> tuple[list[str], list[list[str]], list[int]]:
    reader = csv.reader(file, delimiter=delimiter)
    numbered = _numbered(reader, skipped, name)
    first = next(numbered, None)
    if first is None:
        raise DataError(f"{name} holds no table: only blank or comment lines.")
    names, rows, lines = _column_names(first[1], header, name), [], []
    if not header:
        lines.append(first[0])
        rows.append(first[1])
    wrong: list[tuple[int, int]] = []
    for line, row in numbered:
        if len(row) != len(names):
            if len(row) == len(names) + 1 and not row[-1].strip():
                row = row[:-1]
            else:
                wrong.append((line, len(row)))
                continue
        rows.append(row)
        lines.append(line)
    if wrong:
        line, width = wrong[0]
        raise DataError(
            f"{name}, line {line}: {width} fields where the first row has {len(names)} "
            f"({some((at for at, _ in wrong), len(wrong))}: {len(wrong)} such lines in all). A cell "
            f"with a {_NAMES.get(delimiter, delimiter)} in it must be in double quotes; a number "
            "with thousands separators must be written without them."
        )
    if not rows:
        raise DataError(f"{name} has a header ({some(names, len(names))}) and no rows.")
    return names, rows, lines


def _numbered(reader: Any, skipped: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each non-blank row with the file line on which it starts."""
    start = 1
    try:
        for row in reader:
            if any(map(str.strip, row)):
                yield start + skipped, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num + skipped}: {error}.") from error


def _column_names(first: list[str], header: bool, name: str) -> list[str]:
    if not header:
        return [f"column {position}" for position in range(1, len(first) + 1)]
    names = [cell.strip() or f"column {k}" for k, cell in enumerate(first, start=1)]
    if names[-1] == f"column {len(names)}" and len(names) > 1 and not first[-1].strip():
        names.pop()
    _refuse_repeated(names, name)
    return names


def _refuse_repeated(names: list[str], name: str) -> None:
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        places = [k for k, column in enumerate(names, start=1) if column == repeated[0]]
        raise DataError(
            f"{name}: the column name '{repeated[0]}' stands {len(places)} times (columns "
            f"{', '.join(map(str, places))}). Rename all but one."
        )
