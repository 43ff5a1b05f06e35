"""What a reader finds wrong, gathered by kind: how often, where first, what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mnemonist.data.findings import Finding, some

__all__ = ["Faults"]

_LINES = 10

_FAULTS = {
    "missing-tag": ("without a tag", "give every token its tag"),
    "missing-column": (
        "with another number of columns than the rest",
        "complete the lines, or name the separator and the columns",
    ),
    "empty-token": ("with an empty token", "fill in the token or remove the line"),
    "unbalanced-bracket": (
        "with a bracket that is not closed or not opened",
        "close it as in [word/TAG word/TAG]TAG",
    ),
    "not-json": ("that are no JSON object", "write one JSON object a line"),
    "no-text": (
        'without "text" or "tokens"',
        'give {"text": ..., "entities": [{"start", "end", "label"}]} or {"tokens", "tags"}',
    ),
    "bad-span": (
        "with a span that is not inside the text or has no label",
        "give start and end in characters, 0 <= start < end <= length, and a label",
    ),
    "uneven-tags": ("whose tokens and tags differ in number", "give one tag a token"),
}
_CHANGES = {
    "overlapping-spans": (
        "with spans that overlap; the longest of them were kept",
        "remove the spans that matter less; a token has one tag",
    ),
    "span-cuts-token": (
        "with a span that begins or ends inside a token; it was widened to whole tokens",
        "correct the span, or use characters as units",
    ),
}


@dataclass
class _Kind:
    count: int = 0
    file: str = ""
    lines: list[int] = field(default_factory=list)
    shown: str = ""


class Faults:
    """Counts of faults by kind, with the first places.

    >>> faults = Faults()
    >>> faults.add("missing-tag", "a.txt", 3, "word")
    >>> print(faults.findings("refuse")[0])
    a.txt, line 3: 1 place without a tag: 'word'. Remedy: give every token its tag.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, code: str, file: str, line: int, shown: str) -> None:
        """One more of a kind."""
        kind = self._kinds.setdefault(code, _Kind(0, file, [], shown[:60]))
        kind.count += 1
        if len(kind.lines) < _LINES and kind.file == file:
            kind.lines.append(line)

    def findings(self, faulty: Literal["refuse", "skip"]) -> list[Finding]:
        """A finding of each kind: fatal, or a warning where faulty sentences are left out."""
        return [self._finding(code, kind, faulty) for code, kind in self._kinds.items()]

    def _finding(self, code: str, kind: _Kind, faulty: str) -> Finding:
        changed = code in _CHANGES
        what, remedy = (_CHANGES if changed else _FAULTS)[code]
        message = f"{kind.count:,} place{'s' * (kind.count != 1)} {what}: {kind.shown!r}"
        if len(kind.lines) > 1:
            message += f" (also line {some(kind.lines[1:], kind.count - 1)})"
        if not changed and faulty == "skip":
            message += "; the sentences were left out"
        fatal = not changed and faulty == "refuse"
        return Finding(
            "fatal" if fatal else "warning",
            code,
            message,
            kind.file,
            kind.lines[0],
            tuple(kind.lines),
            remedy,
        )
