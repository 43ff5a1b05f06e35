"""What a check says about a user's data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mnemonist.errors import DataError

__all__ = ["Finding", "raise_fatal"]

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


def some(values: Iterable[object], count: int, limit: int = 3) -> str:
    """The first few of `count` values as text: "3, 8, 12 and 40 more".

    >>> some([3, 8, 12, 13], 43), some(["a"], 1)
    ('3, 8, 12 and 40 more', 'a')
    """
    shown = [str(value) for value, _ in zip(values, range(limit), strict=False)]
    rest = count - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
