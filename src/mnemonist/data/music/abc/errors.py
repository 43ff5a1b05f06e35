"""Where reading ABC stopped, and why."""

from __future__ import annotations

from mnemonist.errors import DataError

__all__ = ["AbcError"]


class AbcError(DataError):
    """Text that is not ABC as this package reads it.

    `code` names the kind; `line` is counted in the file and `column` in the line, both from 1.
    """

    def __init__(self, code: str, message: str, line: int = 0, column: int = 0) -> None:
        self.code, self.message, self.line, self.column = code, message, line, column
        super().__init__(f"line {line}, column {column}: {message}")
