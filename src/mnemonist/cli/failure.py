"""How the command line tells what went wrong: one paragraph on stderr, and a status."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mnemonist.errors import MnemonistError

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["report"]


def report(error: Exception, tokens: Sequence[str]) -> int:
    """Print `error` on stderr, as JSON if the command line asked for JSON; return the status.

    An error that mnemonist raised on purpose, or a command line that does not parse, is the
    user's to mend: status 2. Anything else is a fault of the program: status 1.
    """
    invalid = _validation_error(error)
    parsing = type(error).__module__.startswith("cyclopts")
    expected = isinstance(error, MnemonistError) or parsing or invalid is not None
    kind = "OptionError" if parsing or invalid is not None else type(error).__name__
    text = str(error) if invalid is None else "; ".join(_options(invalid))
    message = " ".join(line.strip() for line in text.splitlines()) or kind
    if not expected:
        message = (
            f"{kind}: {message.rstrip('.')}. This should not have happened. Run the same "
            "command with --debug for the traceback, and please report it."
        )
    if "--json" in tokens:
        record = {"error": {"type": kind, "message": message}}
        print(json.dumps(record, ensure_ascii=False), file=sys.stderr)
    else:
        print(_paragraph(f"mnemonist: {message}"), file=sys.stderr)
    return 2 if expected else 1


def _validation_error(error: BaseException) -> ValidationError | None:
    """The refusal of a configuration that `error` is or that it comes from."""
    if "pydantic" not in sys.modules or isinstance(error, MnemonistError):
        return None
    from pydantic import ValidationError

    for candidate in (error, error.__cause__, error.__context__):
        if isinstance(candidate, ValidationError):
            return candidate
    return None


def _options(invalid: ValidationError) -> Iterator[str]:
    """What is wrong with each field, under the name of its option."""
    for problem in invalid.errors(include_url=False):
        message = problem["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
        if not problem["loc"]:
            yield message
            continue
        option = ".".join(map(str, problem["loc"])).replace("_", "-")
        given = "" if problem["type"] == "missing" else f", not {problem['input']!r}"
        yield f"--{option}: {message[:1].lower()}{message[1:]}{given}"


def _paragraph(text: str) -> str:
    """The text wrapped to the terminal; one line when stderr is not one."""
    if not sys.stderr.isatty():
        return text
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(text, max(width, 40), break_long_words=False, break_on_hyphens=False)
