"""FASTA: strings of one-letter symbols under header lines."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from mnemonist.data.findings import Finding, some
from mnemonist.data.labelled.config import HEADER, LabelledConfig
from mnemonist.data.labelled.files import numbered_lines
from mnemonist.data.labelled.reading import Reading
from mnemonist.data.labelled.tables import label_table
from mnemonist.errors import DataError

__all__ = ["read_fasta", "symbols_of"]

_SYMBOLS = re.compile(r"[A-Z*.-]*")
_NUCLEOTIDES = frozenset("ACGTU")
_IUPAC = frozenset("RYSWKMBDHVN.-")


def read_fasta(path: Path, config: LabelledConfig) -> Reading:
    """Records of a FASTA file: '>' and a header, then lines of symbols.

    Letters are taken in upper case. The label stands in the header (`config.header`), or in a
    table of names and labels (`config.labels_file`).

    Raises:
        DataError: text before the first header, or a symbol that is no letter, '-', '.' or '*'.
    """
    pattern = re.compile(config.header or HEADER)
    labels = label_table(Path(config.labels_file), config) if config.labels_file else None
    reading = Reading("symbols", str(path))
    header, start = "", 0
    parts: list[str] = []

    def finish() -> None:
        found = pattern.fullmatch(header)
        id = found["id"] if found else (header.split() or [""])[0]
        label = labels.get(id) if labels is not None else found["label"].strip() if found else None
        reading.add("".join(parts), label or None, str(path), start, id)

    for number, line in numbered_lines(path, config):
        line = line.strip()
        if line.startswith(">"):
            if start:
                finish()
            header, start, parts = line[1:].strip(), number, []
        elif line and not line.startswith(";"):
            if not start:
                raise DataError(f"{path}, line {number}: a header line '>name label' was expected.")
            parts.append(symbols_of("".join(line.split()), f"{path}, line {number}"))
    if start:
        finish()
    _ambiguous(reading)
    return reading


def symbols_of(text: str, where: str) -> str:
    """`text` in upper case.

    Raises:
        DataError: it has a character that is no one-letter symbol.
    """
    upper = text.upper()
    if not _SYMBOLS.fullmatch(upper):
        wrong = next(letter for letter in upper if not _SYMBOLS.fullmatch(letter))
        raise DataError(
            f"{where}: {wrong!r} is no symbol of a sequence; letters, '-', '.' and '*' are."
        )
    return upper


def _ambiguous(reading: Reading) -> None:
    """In DNA and RNA, letters that stand for several nucleotides."""
    counts: Counter[str] = Counter()
    for item in reading.items:
        counts.update(item)
    if not counts or not set(counts) <= _NUCLEOTIDES | _IUPAC:
        return
    rare = {letter: count for letter, count in counts.items() if letter in _IUPAC}
    if rare:
        shown = [f"{letter} {count:,} times" for letter, count in sorted(rare.items())]
        reading.findings.append(
            Finding(
                "note",
                "ambiguous-symbols",
                f"beside the nucleotides there are IUPAC codes: {some(shown, len(shown), 15)}",
                reading.name,
                remedy="nothing is needed: each is a symbol of its own",
            )
        )
