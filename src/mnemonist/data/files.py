"""A file that was named: it is there, can be read, is not empty and not too large."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from mnemonist.errors import DataError

__all__ = ["check_file"]


def check_file(
    path: Path, *, max_bytes: int | None = None, wanted: str, content: str, cost: str = ""
) -> None:
    """Refuse a file that cannot be read, with a sentence that helps.

    Args:
        path: the file as it was named.
        max_bytes: refuse larger files; None takes any size.
        wanted: what may be named instead of a directory, "a CSV file".
        content: what an empty file lacks, "a header and rows were".
        cost: why size matters; follows the bound in the message.

    Raises:
        DataError: it is missing, a directory, unreadable, empty or too large.
    """
    if not path.exists():
        raise DataError(_missing(path))
    if path.is_dir():
        raise DataError(f"{path} is a directory; name {wanted} in it.")
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path} is empty (0 bytes); {content} expected.")
    if max_bytes is not None and size > max_bytes:
        raise DataError(
            f"{path} has {size:,} bytes, more than the bound of {max_bytes:,}{cost}, or raise "
            "the bound (max_bytes, --max-bytes)."
        )


def _missing(path: Path) -> str:
    """The message for a path that does not exist, with the name that was probably meant."""
    folder = path.parent
    if not folder.is_dir():
        hint = f"The directory {folder} does not exist either."
    else:
        names = [entry.name for entry in islice(folder.iterdir(), 1000)]
        close = get_close_matches(path.name, names, n=1)
        hint = f"Did you mean {folder / close[0]}?" if close else "Check the path."
    return f"{path}: there is no such file. {hint}"
