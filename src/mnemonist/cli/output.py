"""What commands print: for a person in a terminal, for a pipe, or as one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnemonist.evaluation.results import ResultTable
    from mnemonist.training.progress import Progress

__all__ = ["Output"]


class Output:
    """Lines and tables on stdout, or one JSON document and nothing else.

    Args:
        as_json: only `data` is printed.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def data(self, values: Mapping[str, Any]) -> None:
        """The JSON document of a command; called once."""
        if self.as_json:
            print(json.dumps(_plain(values), ensure_ascii=False, indent=2, allow_nan=False))

    def line(self, text: str) -> None:
        """One line, or several."""
        if not self.as_json:
            print(text)

    def table(self, table: ResultTable) -> None:
        """A table of results: drawn in a terminal, plain columns in a pipe."""
        if self.as_json:
            return
        if not sys.stdout.isatty():
            print(table.to_text())
            return
        from rich.console import Console

        Console().print(table.to_rich())

    def stored_table(self, values: dict[str, Any]) -> None:
        """A table of results that comes from a file."""
        from mnemonist.evaluation.results import ResultTable

        self.table(ResultTable.from_dict(values))

    def progress(self) -> Progress:
        """A bar on stderr; none beside JSON."""
        from mnemonist.training.progress import RichProgress

        return RichProgress(quiet=self.as_json)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value if isinstance(value, str | int | bool | None) else _scalar(value)


def _scalar(value: Any) -> Any:
    """NumPy's numbers as Python's, anything else as text."""
    return _plain(value.item()) if hasattr(value, "item") else str(value)
