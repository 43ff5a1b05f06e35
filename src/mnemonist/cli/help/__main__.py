"""Write the help pages of all commands anew: ``python -m mnemonist.cli.help``."""

from __future__ import annotations

from pathlib import Path

from mnemonist.cli.commands import COMMANDS
from mnemonist.cli.entry import help_page
from mnemonist.cli.help import file_name


def main() -> None:
    for command in COMMANDS:
        path = Path(__file__).with_name(file_name(command))
        path.write_text(help_page(command), encoding="utf-8")


if __name__ == "__main__":
    main()
