"""Files of music: how large they may be, and what is said of one that cannot be opened."""

from __future__ import annotations

from pathlib import Path

from mnemonist.errors import DataError

__all__ = ["MAX_BINARY_BYTES", "MAX_TEXT_BYTES", "refuse_unreadable"]

MAX_TEXT_BYTES = 64 * 1024 * 1024
"""The largest ABC file that is read."""

MAX_BINARY_BYTES = 4 * 1024 * 1024
"""The largest MIDI or MusicXML file; its events take some hundred times that in memory."""


def refuse_unreadable(path: Path, max_bytes: int) -> None:
    """Nothing where a file can be read.

    Raises:
        DataError: no such file, a folder, empty, larger than `max_bytes`, or not to be opened.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file. Check the path.")
    if path.is_dir():
        raise DataError(f"{path} is a directory; name a file in it.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if not size:
        raise DataError(f"{path} is empty (0 bytes); music was expected.")
    if size > max_bytes:
        raise DataError(
            f"{path} has {size:,} bytes, more than the bound of {max_bytes:,}. Cut it into several."
        )
