"""How a delimited text file is written: its delimiter, its decimal sign, whether it has a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

__all__ = ["Dialect", "sniff"]

_DELIMITERS = "\t;,|"
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([ T]\d{1,2}:.*)?")


@dataclass(frozen=True)
class Dialect:
    """Delimiter, decimal sign, and whether the first row names the columns."""

    delimiter: str
    decimal: str
    header: bool


def sniff(lines: list[str], *, delimiter: str | None = None, decimal: str | None = None) -> Dialect:
    """Guess the dialect from a file's first lines.

    The delimiter is the one that cuts the most rows into the same number of fields, two or
    more. The decimal sign is a comma where fields look like 3,14 and none looks like 3.14.

    >>> sniff(["日期;负荷", "2020-01-01;3,25", "2020-01-02;4,5"])
    Dialect(delimiter=';', decimal=',', header=True)
    >>> sniff(["value", "1,5", "2,25"])
    Dialect(delimiter='\\t', decimal=',', header=True)
    >>> sniff(["1,2.5", "2,2.75"])
    Dialect(delimiter=',', decimal='.', header=False)
    """
    lines = [line for line in lines if line.strip()]
    delimiter = delimiter or max(_DELIMITERS, key=lambda sign: _score(lines, sign))
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    cells = [cell.strip() for row in rows[1:] for cell in row]
    if decimal is None:
        commas = any(_COMMA.fullmatch(cell) for cell in cells)
        points = any(_POINT.fullmatch(cell) for cell in cells)
        decimal = "," if commas and not points else "."
    return Dialect(delimiter, decimal, _has_header(rows))


def _score(lines: list[str], delimiter: str) -> float:
    """How consistently the delimiter cuts the rows; 0 where it cuts nothing."""
    widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    if not widths:
        return 0.0
    width, count = Counter(widths).most_common(1)[0]
    if width < 2 or widths[0] < 2:
        return 0.0
    return count / len(widths)


def _has_header(rows: list[list[str]]) -> bool:
    """A first row that is all numbers and dates, like the rows below it, is no header."""
    if not rows:
        return True
    filled = [cell.strip() for cell in rows[0] if cell.strip()]
    if not filled:
        return True
    return not all(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell) for cell in filled)
