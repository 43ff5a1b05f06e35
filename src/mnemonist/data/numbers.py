"""Numbers out of cells: what is a number, what is missing, what is neither."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, some
from mnemonist.data.table import Table

__all__ = ["MISSING", "Numbers", "is_missing", "numeric_columns", "parse_numbers"]

MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "<na>", "null", "none", "-", "--", "?", ".", "nat"}
)
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.'’\u00a0\u202f ]\d{3})+([.,]\d+)?")
_UNSURE = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Numbers:
    """A column as float64: `values` has NaN where `missing` or `bad` is true."""

    values: np.ndarray
    missing: np.ndarray
    bad: np.ndarray
    findings: list[Finding]


def is_missing(cells: pd.Series) -> np.ndarray:
    """Which cells hold nothing: empty, NaN, or one of the usual marks (NA, null, -, ?)."""
    empty = cells.isna().to_numpy(dtype=bool)
    if cells.dtype == object or pd.api.types.is_string_dtype(cells):
        empty = empty | cells.astype(str).str.strip().str.lower().isin(MISSING).to_numpy(bool)
    return empty


def parse_numbers(table: Table, column: str) -> Numbers:
    """Column `column` of `table` as numbers, with a finding for the cells that are none.

    Thousands separators are not guessed: 1,234 could be 1.234. They are a fatal finding with
    the remedy. Text that is no number is reported with its lines; missing cells are not an
    error here.

    >>> from mnemonist.data.table import read_table
    >>> table = read_table(pd.DataFrame({"load": ["1.5", "NA", "2,000"]}))
    >>> print(parse_numbers(table, "load").findings[0])
    DataFrame, line 3: column 'load': 1 cell is written with a thousands separator: '2,000'. \
Remedy: write the numbers without separators, or name the decimal sign (decimal=',' where 1,234 \
means 1.234).
    """
    cells = table.frame[column]
    if pd.api.types.is_bool_dtype(cells) or pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        return Numbers(values, np.isnan(values), np.zeros(len(values), bool), [])
    if pd.api.types.is_datetime64_any_dtype(cells):
        missing = cells.isna().to_numpy(dtype=bool)
        return Numbers(np.full(len(cells), np.nan), missing, ~missing, _times_as_numbers(column))
    comma = table.decimal == ","
    plain = _with_points(cells.astype(str)) if comma else cells
    values = np.array(pd.to_numeric(plain, errors="coerce"), dtype=float)
    # Nearly all cells of a large file are plain numbers; only the others are looked at.
    missing, bad = np.zeros(len(values), bool), np.zeros(len(values), bool)
    empty = np.flatnonzero(np.isnan(values))
    missing[empty] = is_missing(cells.iloc[empty])
    bad[empty] = ~missing[empty]
    findings = _explain(table, column, cells, bad)
    if comma and not table.decimal_given:
        findings += _unsure(table, column, cells[~missing].astype(str).str.strip())
    return Numbers(values, missing, bad, findings)


def _with_points(text: pd.Series) -> pd.Series:
    """3,14 as 3.14; a point beside decimal commas can only part thousands, so it is no number."""
    points = text.str.contains(".", regex=False)
    spoilt = text.where(~points, text + " ?")
    return spoilt.str.replace(",", ".", n=1, regex=False)


def numeric_columns(table: Table, rows: int = 1000) -> list[str]:
    """The columns whose cells are mostly numbers (nine of ten of the first that are filled)."""
    found = []
    head = Table(
        table.frame.head(rows), table.lines[:rows], table.name, table.decimal, table.decimal_given
    )
    for column in table.frame.columns:
        numbers = parse_numbers(head, column)
        filled = int((~numbers.missing).sum())
        grouped = any(finding.code == "thousands-separator" for finding in numbers.findings)
        if filled and (grouped or numbers.bad.sum() <= 0.1 * filled):
            found.append(column)
    return found


def _is_grouped(text: str) -> bool:
    return _GROUPED.fullmatch(text) is not None


def _explain(table: Table, column: str, cells: pd.Series, bad: np.ndarray) -> list[Finding]:
    if not bad.any():
        return []
    findings = []
    text = cells[bad].astype(str).str.strip()
    grouped = np.zeros(len(bad), bool)
    grouped[bad] = text.map(_is_grouped).to_numpy(bool)
    for which, code, what, remedy in (
        (
            grouped,
            "thousands-separator",
            "written with a thousands separator",
            "write the numbers without separators, or name the decimal sign (decimal=',' where "
            "1,234 means 1.234)",
        ),
        (
            bad & ~grouped,
            "not-a-number",
            "no number",
            "correct these cells, leave them empty (and choose a fill), or name another column",
        ),
    ):
        count = int(which.sum())
        if count:
            lines = table.lines[which]
            shown = some((repr(str(cell).strip()) for cell in cells[which]), count)
            verb = "cell is" if count == 1 else "cells are"
            at = "" if count == 1 else f" (lines {some(lines, count)})"
            findings.append(
                Finding(
                    "fatal",
                    code,
                    f"column '{column}': {count} {verb} {what}: {shown}{at}",
                    table.name,
                    int(lines[0]),
                    tuple(int(line) for line in lines[:10]),
                    remedy,
                )
            )
    return findings


def _unsure(table: Table, column: str, text: pd.Series) -> list[Finding]:
    """With commas only before exactly three digits, 1,234 has two readings."""
    commas = text[text.str.contains(",", regex=False)]
    if not len(commas) or not commas.str.fullmatch(_UNSURE).all():
        return []
    line = int(table.lines[commas.index[0]])
    return [
        Finding(
            "fatal",
            "decimal-sign-unsure",
            f"column '{column}': {commas.iloc[0]!r} may mean 1.234 or 1234 (every comma stands "
            "before exactly three digits)",
            table.name,
            line,
            (line,),
            "name the decimal sign (decimal=','), or remove the thousands separators",
        )
    ]


def _times_as_numbers(column: str) -> list[Finding]:
    return [
        Finding(
            "fatal",
            "not-a-number",
            f"column '{column}' holds times, where numbers were expected",
            remedy="name another column",
        )
    ]
