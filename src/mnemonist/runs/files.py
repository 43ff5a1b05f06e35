"""Files that are either whole or absent, and are read only up to a size."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnemonist.errors import RunFolderError

__all__ = ["file_digest", "fsync_directory", "plain", "read_json", "to_json", "write_atomically"]

PARTIAL = ".partial"
MAX_JSON_BYTES = 64 * 2**20


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary file, sync, rename: a kill leaves the old file or the new one.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    partial = path.with_name(path.name + PARTIAL)
    with explained(path, "written"):
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        fsync_directory(path.parent)


def fsync_directory(path: Path) -> None:
    """Make renames in a directory durable, where the system has such a thing."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError into a RunFolderError that says what to do."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be {action}: {error.strerror or error}. Check the permissions and the "
            "free space there, or choose another folder with --run"
        ) from error


def plain(value: Any) -> Any:
    """The JSON form of a configuration: dicts, lists, strings, numbers.

    >>> import numpy as np
    >>> plain({"file": Path("a.csv"), "sizes": (1, np.int64(2))})
    {'file': 'a.csv', 'sizes': [1, 2]}
    """
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, and tensors
        return plain(value.tolist())
    return str(value)


def to_json(value: Any, *, indent: int | None = 2) -> bytes:
    """JSON as the run folder holds it: UTF-8, a number that is not finite as null."""
    return (json.dumps(_finite(plain(value)), indent=indent, ensure_ascii=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read a JSON file of bounded size.

    Raises:
        RunFolderError: it is missing, too large, or not JSON.
    """
    if not path.is_file():
        raise RunFolderError(f"{path} is missing: the run folder is incomplete; train it again")
    with explained(path, "read"):
        size = path.stat().st_size
        if size > max_bytes:
            raise RunFolderError(
                f"{path} has {size:,} bytes, more than the {max_bytes:,} that such a file may have"
            )
        data = path.read_bytes()
    try:
        return json.loads(data.decode())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise RunFolderError(
            f"{path} is damaged, it is not whole JSON ({error}): restore it from a copy, or train "
            "again into another folder"
        ) from error


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    with explained(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
