"""How the command line tells what went wrong: one paragraph on stderr, and a status."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence

from mnemonist.errors import MnemonistError

__all__ = ["report"]


def report(error: Exception, tokens: Sequence[str]) -> int:
    """Print `error` on stderr, as JSON if the command line asked for JSON; return the status.

    An error that mnemonist raised on purpose, or a command line that does not parse, is the
    user's to mend: status 2. Anything else is a fault of the program: status 1.
    """
    expected = isinstance(error, MnemonistError) or type(error).__module__.startswith("cyclopts")
    kind = type(error).__name__
    message = " ".join(line.strip() for line in str(error).splitlines()) or kind
    if not expected:
        message = (
            f"{kind}: {message.rstrip('.')}. This should not have happened. Run the same "
            "command with --debug for the traceback, and please report it."
        )
    if "--json" in tokens:
        print(
            json.dumps({"error": {"type": kind, "message": message}}, ensure_ascii=False),
            file=sys.stderr,
        )
    else:
        print(_paragraph(f"mnemonist: {message}"), file=sys.stderr)
    return 2 if expected else 1


def _paragraph(text: str) -> str:
    """The text wrapped to the terminal; one line when stderr is not one."""
    if not sys.stderr.isatty():
        return text
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(text, max(width, 40), break_long_words=False, break_on_hyphens=False)
