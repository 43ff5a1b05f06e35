"""From the arguments of the process to its exit status.

Status 0: done. 1: something that should not have happened. 2: an error that the message
explains (bad input, bad option). 130: interrupted. 141: the reader of the output went away.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from mnemonist.cli.commands import COMMANDS, Command, find, overview
from mnemonist.cli.help import stored_page, wrapped

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ["help_page", "run"]


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; errors are printed, not raised.

    Args:
        argv: the arguments without the program's name; by default those of this process.
    """
    tokens = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    try:
        with _only_the_first_process_speaks():
            status = _dispatch(tokens)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # a flush at exit would meet the closed pipe again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as stop:
        print(f"mnemonist: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 128 + getattr(stop, "signal", 2)
    except Exception as error:
        if debug:
            raise
        from mnemonist.cli.failure import report

        return report(error, tokens)


@contextmanager
def _only_the_first_process_speaks() -> Iterator[None]:
    """Of the processes that torchrun starts, the one of rank 0 prints what was found."""
    if os.environ.get("RANK", "0") == "0":
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


def _dispatch(tokens: list[str]) -> int:
    """Help and version without a library; everything else through its function."""
    if not tokens or tokens[0] in ("--help", "-h", "help"):
        print(overview())
        return 0
    if tokens[0] == "--version":
        from mnemonist import __version__

        print(__version__)
        return 0
    verb = tokens[0]
    is_verb = any(len(c.words) > 1 and c.words[0] == verb for c in COMMANDS)
    if is_verb and (len(tokens) == 1 or tokens[1] in ("--help", "-h")):
        print(overview(verb))
        return 0
    command, rest = find(tokens)
    if "--help" in rest or "-h" in rest:
        _print_help(command)
        return 0
    if any(re.search(r"\w:[A-Za-z_]", token) for token in rest):
        # module:Class names a cell of the user's own, which may lie in this folder; at the end
        # of the path, so that no file here hides an installed module
        sys.path.append("")
    status: Any = _app(command)(
        list(rest), exit_on_error=False, print_error=False, result_action="return_value"
    )
    return status if isinstance(status, int) else 0


def _print_help(command: Command) -> None:
    """The stored page of a command; one that has none is asked for it."""
    page = stored_page(command) or help_page(command)
    if sys.stdout.isatty():
        page = wrapped(page, min(get_terminal_size().columns, 100))
    print(page.rstrip("\n"))


def help_page(command: Command) -> str:
    """The help of a command as cyclopts writes it, every option on one line."""
    from rich.console import Console

    text = StringIO()
    _app(command).help_print([], console=Console(file=text, width=1000))
    return text.getvalue()


def _app(command: Command) -> App:
    """The cyclopts application of one command; imports what the command needs."""
    from cyclopts import App

    module, _, function = command.target.partition(":")
    app = App(
        name=f"mnemonist {command.name}",
        version_flags=(),
        help_format="plaintext",
        help_formatter="plain",
        suppress_keyboard_interrupt=False,
    )
    app["--help"].show = False
    app.default(getattr(import_module(module), function))
    return app
