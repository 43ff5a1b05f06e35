"""Files of lines and folders of files, bounded in size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from mnemonist.data.files import check_file
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.text.lines import read_lines
from mnemonist.errors import DataError

__all__ = ["check_sizes", "listed", "numbered_lines"]

_MAX_FILES = 1_000_000
_MAX_LINE = 1 << 26
"""A line of a `.ts` file is a whole series of many channels."""


def check_sizes(paths: Iterable[Path], max_bytes: int) -> None:
    """Refuse files that are missing, unreadable, empty, or together too large."""
    total = 0
    for path in paths:
        check_file(path, max_bytes=max_bytes, wanted="a file", content="items were")
        total += path.stat().st_size
        if total > max_bytes:
            raise DataError(
                f"{path}: with this file {total:,} bytes are to be read, more than the bound of "
                f"{max_bytes:,}. Read less, or raise the bound (max_bytes, --max-bytes)."
            )


def listed(folder: Path) -> list[Path]:
    """The entries of a folder by name, without hidden ones."""
    try:
        entries = list(islice(folder.iterdir(), _MAX_FILES + 1))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
    if len(entries) > _MAX_FILES:
        raise DataError(
            f"{folder} has more than {_MAX_FILES:,} entries; write items into one file."
        )
    return sorted(entry for entry in entries if not entry.name.startswith("."))


def numbered_lines(path: Path, config: LabelledConfig) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its line break."""
    return read_lines(
        path, encoding=config.encoding, max_bytes=config.max_bytes, max_line=_MAX_LINE
    )
