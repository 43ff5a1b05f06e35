"""The help page of every command, as text beside this module.

cyclopts writes a page from the signature of the command's function and the fields of the
configuration. That takes about a second, most of it to import them, so the pages are stored:
``python -m mnemonist.cli.help`` writes them anew, and a test compares.
"""

from __future__ import annotations

import textwrap
from importlib.resources import files

from mnemonist.cli.commands import Command

__all__ = ["file_name", "stored_page", "wrapped"]

_INDENT = 10


def file_name(command: Command) -> str:
    """The name of the file that holds the page of `command`."""
    return f"{'-'.join(command.words)}.txt"


def stored_page(command: Command) -> str | None:
    """The page of `command`, every option on one line; None if it has none."""
    file = files(__name__) / file_name(command)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def wrapped(page: str, width: int) -> str:
    """The page for a terminal of `width` columns: long lines go on below, indented.

    >>> print(wrapped("Data:\\n  --target STR: the column to forecast.", 26))
    Data:
      --target STR: the column
              to forecast.
    """
    lines = []
    for line in page.splitlines():
        indent = " " * _INDENT if line.startswith(" ") else ""
        lines += textwrap.wrap(
            line, max(width, 24), subsequent_indent=indent, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)
