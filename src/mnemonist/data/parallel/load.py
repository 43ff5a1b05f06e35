"""Files to pairs of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mnemonist.data.findings import Finding, raise_fatal, some
from mnemonist.data.parallel.config import ParallelConfig
from mnemonist.data.parallel.model import ParallelSet
from mnemonist.data.parallel.read import (
    json_items,
    json_lines,
    plain_lines,
    text_field,
    text_rows,
)
from mnemonist.errors import DataError

__all__ = ["inspect_parallel", "load_parallel"]

_SOURCES = ("source", "src")
_TARGETS = ("target", "tgt", "trg")
_JSON = {".json": json_items, ".jsonl": json_lines, ".ndjson": json_lines}

Pair = tuple[int, str, str]


def load_parallel(path: str | Path, config: ParallelConfig | None = None) -> ParallelSet:
    """Read pairs of texts: TSV, CSV, JSON lines, a JSON list of objects, or two files.

    Args:
        path: .jsonl and .ndjson hold one object a line, .json a list of objects, .csv columns
            with commas between them, and all others columns with tabs; or, with
            `config.target_file`, a source on each line.
        config: where the sides stand.

    Raises:
        DataError: the file cannot be read as pairs, or a finding of `check_parallel` is fatal.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pairs.tsv"
    ...     _ = path.write_text("source\\ttarget\\n你好\\tHello\\n", encoding="utf-8")
    ...     pairs = load_parallel(path)
    >>> pairs.sources, pairs.targets, pairs.lines.tolist()
    (['你好'], ['Hello'], [2])
    """
    pairs, findings = inspect_parallel(path, config)
    raise_fatal(findings)
    return pairs


def inspect_parallel(
    path: str | Path, config: ParallelConfig | None = None
) -> tuple[ParallelSet, list[Finding]]:
    """The pairs that can be used, and what was found while reading.

    Raises:
        DataError: the file cannot be read as pairs at all.
    """
    config = config or ParallelConfig()
    notes: list[str] = []
    path = Path(path)
    opening = config.encoding, config.max_bytes
    read = _JSON.get(path.suffix.lower())
    pairs: Iterator[tuple[int, str | None, str | None]]
    if config.target_file is not None:
        pairs = _aligned(path, Path(config.target_file), config)
    elif read is not None:
        pairs = _from_objects(read(path, *opening), path, config)
    else:
        pairs = _from_rows(text_rows(path, *opening, config.delimiter), path, config, notes)
    findings: list[Finding] = []
    kept = list(_usable(pairs, str(path), config, findings))
    if not kept and not any(finding.severity == "fatal" for finding in findings):
        findings.append(Finding("fatal", "no-pairs", "there are no pairs of texts", str(path)))
    return (
        ParallelSet(
            [source for _, source, _ in kept],
            [target for _, _, target in kept],
            np.array([line for line, _, _ in kept], dtype=np.int64),
            str(path),
            notes,
        ),
        findings,
    )


def _aligned(
    source: Path, target: Path, config: ParallelConfig
) -> Iterator[tuple[int, str | None, str | None]]:
    """The lines of two files side by side; None where one has ended."""
    left = plain_lines(source, config.encoding, config.max_bytes)
    right = plain_lines(target, config.target_encoding, config.max_bytes)
    for line, (one, other) in enumerate(zip_longest(left, right), start=1):
        yield line, one and one[1], other and other[1]


def _from_objects(
    records: Iterable[tuple[int, Any]], path: Path, config: ParallelConfig
) -> Iterator[Pair]:
    names: tuple[str, str] | None = None
    for line, record in records:
        where = f"{path}, line {line}"
        if names is None:
            fields = list(record) if isinstance(record, dict) else []
            names = (
                config.source or _named(fields, _SOURCES) or _SOURCES[0],
                config.target or _named(fields, _TARGETS) or _TARGETS[0],
            )
        yield line, text_field(record, names[0], where), text_field(record, names[1], where)


def _from_rows(
    rows: Iterator[tuple[int, list[str]]],
    path: str | Path,
    config: ParallelConfig,
    notes: list[str],
) -> Iterator[Pair]:
    first = next(rows, None)
    if first is None:
        return
    places, header = _columns([cell.strip() for cell in first[1]], config, str(path))
    if not header:
        notes.append(
            f"no header: the source is column {places[0] + 1}, the target column {places[1] + 1}"
        )
        rows = chain([first], rows)
    wanted = max(places) + 1
    for line, row in rows:
        if len(row) < wanted:
            raise DataError(
                f"{path}, line {line}: {len(row)} columns, of which column {wanted} is needed. Name "
                "the delimiter, or correct the line."
            )
        yield line, row[places[0]], row[places[1]]


def _columns(first: list[str], config: ParallelConfig, name: str) -> tuple[tuple[int, int], bool]:
    """The columns of source and target, counted from 0, and whether the first row names them."""
    found = (
        config.source or _named(first, _SOURCES) or "1",
        config.target or _named(first, _TARGETS) or "2",
    )
    places = []
    for side in found:
        if side in first:
            places.append(first.index(side))
        elif side.isdecimal() and 1 <= int(side) <= max(len(first), 2):
            places.append(int(side) - 1)
        else:
            raise DataError(
                f"{name}: there is no column {side!r}; the first row has "
                f"{some(map(repr, first), len(first), 9)}. Name a column of it, or the number of a "
                "column."
            )
    return (places[0], places[1]), any(side in first for side in found)


def _named(fields: list[str], names: tuple[str, ...]) -> str | None:
    return next((field for field in fields if field.strip().lower() in names), None)


def _usable(
    pairs: Iterable[tuple[int, str | None, str | None]],
    name: str,
    config: ParallelConfig,
    findings: list[Finding],
) -> Iterator[Pair]:
    """The pairs with a text on both sides, each once; the others are told."""
    empty: list[int] = []
    repeated: list[int] = []
    alone: dict[str, list[int]] = {"sources": [], "targets": []}
    seen: set[tuple[str, str]] = set()
    for line, source, target in pairs:
        if source is None or target is None:
            alone["targets" if source is None else "sources"].append(line)
            continue
        source, target = source.strip(), target.strip()
        if max(len(source), len(target)) > config.max_length:
            raise DataError(
                f"{name}, line {line}: a text of {max(len(source), len(target)):,} characters, more "
                f"than the bound of {config.max_length:,}. Cut it, or raise the bound (max_length)."
            )
        if not source or not target:
            empty.append(line)
        elif config.deduplicate and (source, target) in seen:
            repeated.append(line)
        else:
            seen.add((source, target))
            yield line, source, target
    for side, lines in alone.items():
        if lines:
            findings.append(_unequal(name, config.target_file or "", side, lines))
    if empty:
        message = f"{len(empty)} pairs have an empty side and were left out"
        remedy = "fill in both sides, or remove the pairs"
        findings.append(at_lines("warning", "empty-side", message, empty, name, remedy))
    if repeated:
        message = f"{len(repeated)} pairs stand there more than once; one of each was kept"
        findings.append(at_lines("note", "equal-pairs", message, repeated, name, ""))


def _unequal(source: str, target: str, side: str, lines: list[int]) -> Finding:
    longer, shorter = (source, target) if side == "sources" else (target, source)
    return Finding(
        "fatal",
        "unequal-lines",
        f"{longer} has {lines[0] - 1 + len(lines):,} lines and {shorter} {lines[0] - 1:,}, so that "
        "their lines are not pairs",
        longer,
        lines[0],
        remedy="find the line that is missing (or the one that was broken in two); blank lines "
        "count",
    )


def at_lines(
    severity: Any, code: str, message: str, lines: list[int], name: str, remedy: str
) -> Finding:
    """A finding at several lines, the first few of them told."""
    told = f"{message} (lines {some(lines, len(lines))})" if len(lines) > 1 else message
    return Finding(severity, code, told, name, lines[0], tuple(lines[:10]), remedy)
