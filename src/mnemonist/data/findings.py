"""What a check says about a user's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mnemonist.errors import DataError

__all__ = ["Finding", "by_severity", "found_at", "raise_fatal", "some"]

Severity = Literal["fatal", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing found in a file: where, what, and what to do about it.

    Args:
        severity: "fatal" (training refuses the file), "warning" or "note".
        code: a short stable name such as "time-gaps", for programs and tests.
        message: the sentence for a person.
        file: the file as it was named.
        line: the first file line concerned, counted from 1 with the header.
        lines: further lines, the first few only.
        remedy: what to do.

    >>> print(Finding("fatal", "not-a-number", "column 'load' has 1 cell that is no number: 'n/k'",
    ...               file="load.csv", line=7, remedy="correct the cell"))
    load.csv, line 7: column 'load' has 1 cell that is no number: 'n/k'. Remedy: correct the cell.
    """

    severity: Severity
    code: str
    message: str
    file: str = ""
    line: int | None = None
    lines: tuple[int, ...] = ()
    remedy: str = ""

    def __str__(self) -> str:
        where = ", ".join(
            part for part in (self.file, f"line {self.line}" if self.line else "") if part
        )
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}. Remedy: {self.remedy}." if self.remedy else f"{text}."

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return asdict(self) | {"lines": list(self.lines)}


def raise_fatal(findings: Iterable[Finding]) -> None:
    """Raise a DataError that tells all fatal findings; do nothing when there are none."""
    fatal = [finding for finding in findings if finding.severity == "fatal"]
    if fatal:
        raise DataError("\n".join(str(finding) for finding in fatal))


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The fatal ones first, then warnings, then notes; else in their order."""
    rank = {"fatal": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: rank[finding.severity])


def found_at(
    severity: Severity,
    code: str,
    message: str,
    places: Sequence[tuple[str, int]],
    remedy: str,
    name: str = "",
) -> Finding:
    """A finding at several places of one or several files; the first is told in full.

    Args:
        severity, code, message, remedy: see `Finding`.
        places: file and line, 0 where there is none.
        name: of the data, where there are no places.

    >>> items = [("a.txt", 3), ("b.txt", 9)]
    >>> print(found_at("warning", "empty", "2 items are empty", items, "fill them"))
    a.txt, line 3: 2 items are empty (also b.txt line 9). Remedy: fill them.
    """
    file, line = places[0] if places else (name, 0)
    rest = [
        f"line {at}" if other == file else f"{other} line {at}" for other, at in places[1:] if at
    ]
    message += f" (also {some(rest, len(rest))})" if rest else ""
    lines = tuple(at for other, at in places[:10] if other == file and at)
    return Finding(severity, code, message, file, line or None, lines, remedy)


def some(values: Iterable[object], count: int, limit: int = 3) -> str:
    """The first few of `count` values as text: "3, 8, 12 and 40 more".

    >>> some([3, 8, 12, 13], 43), some(["a"], 1)
    ('3, 8, 12 and 40 more', 'a')
    """
    shown = [str(value) for value, _ in zip(values, range(limit), strict=False)]
    rest = count - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
