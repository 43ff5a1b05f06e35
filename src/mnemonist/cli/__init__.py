"""The command line: parse, call, print. Importing this package imports no library."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``mnemonist`` with the arguments of this process and exit with its status."""
    from mnemonist.cli.entry import run

    raise SystemExit(run())
