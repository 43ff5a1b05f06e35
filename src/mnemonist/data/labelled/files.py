"""Files of lines and folders of files, bounded in size, with line numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from mnemonist.data.encodings import detect_encoding
from mnemonist.errors import DataError

__all__ = ["check_sizes", "listed", "numbered_lines"]

_MAX_FILES = 1_000_000


def check_sizes(paths: Iterable[Path], max_bytes: int) -> None:
    """Refuse files that are missing, unreadable, empty, or together too large."""
    total = 0
    for path in paths:
        if not path.is_file():
            what = "is a directory" if path.is_dir() else "there is no such file"
            raise DataError(f"{path}: {what}; a file was expected. Check the path.")
        size = path.stat().st_size
        if size == 0:
            raise DataError(f"{path} is empty (0 bytes). Fill it or leave it out.")
        total += size
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
            f"{folder} has more than {_MAX_FILES:,} entries; put items in files of lines."
        )
    return sorted(entry for entry in entries if not entry.name.startswith("."))


def numbered_lines(
    path: Path, *, encoding: str | None = None, max_line: int = 1 << 26
) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its line break.

    Raises:
        DataError: bytes that do not decode, or a line of more than `max_line` characters.
    """
    encoding = encoding or detect_encoding(path)
    number = 0
    try:
        with path.open(encoding=encoding) as file:
            while line := file.readline(max_line + 1):
                number += 1
                if len(line) > max_line:
                    raise DataError(
                        f"{path}, line {number}: more than {max_line:,} characters. Break it up, or "
                        "raise the bound (max_length, --max-length)."
                    )
                yield number, line.rstrip("\n")
    except UnicodeError as error:
        raise DataError(
            f"{path}, after line {number}: not {encoding}: {error}. Leave the encoding out to have "
            "it detected."
        ) from error
    except LookupError as error:
        raise DataError(
            f"encoding={encoding!r} is no encoding that Python knows; for example 'utf-8' or 'gbk'."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
