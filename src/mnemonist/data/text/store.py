"""Arrays on disk that are written piece by piece and appear together or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mnemonist.errors import DataError

__all__ = ["ArrayWriter", "TemporaryFolder", "read_arrays", "writing"]

_INFO = "info.json"
_MAX_INFO_BYTES = 1 << 30
_ABANDONED_SECONDS = 3600


class TemporaryFolder:
    """A folder that is removed with the last reference to this object, or when Python ends."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class ArrayWriter:
    """One file for each array, appended to.

    Args:
        folder: where they lie.
        types: the NumPy type of each, by name, with its byte order.
    """

    def __init__(self, folder: Path, types: Mapping[str, str]) -> None:
        self.folder = folder
        self._types = {name: np.dtype(kind) for name, kind in types.items()}
        self._files: dict[str, BinaryIO] = {
            name: (folder / name).open("wb") for name in self._types
        }

    def append(self, **arrays: np.ndarray) -> None:
        """Write each array behind what its file holds."""
        for name, array in arrays.items():
            self._files[name].write(np.ascontiguousarray(array, dtype=self._types[name]).data)

    def finish(self, info: dict[str, Any]) -> None:
        """Write `info` with the size of each file, and bring everything to the disk."""
        sizes = {name: file.tell() for name, file in self._files.items()}
        data = json.dumps(info | {"sizes": sizes}, ensure_ascii=False).encode()
        with (self.folder / _INFO).open("wb") as file:
            file.write(data)
            for one in (file, *self._files.values()):
                one.flush()
                os.fsync(one.fileno())
        self.close()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


@contextmanager
def writing(folder: Path, types: Mapping[str, str]) -> Iterator[ArrayWriter]:
    """A writer whose files become `folder` when the block ends well; call `finish` in it.

    They are written beside it under another name and renamed at once, so that a kill leaves the
    old folder, the new one or none. Where another process was faster its folder stays.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
        try:
            writer = ArrayWriter(partial, types)
            try:
                yield writer
            finally:
                writer.close()
            if read_arrays(folder, types) is None:
                shutil.rmtree(folder, ignore_errors=True)  # damaged, or not there
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written: {error.strerror or error}. Check the permissions and the "
            "free space there, or name another folder for the cache."
        ) from error


def _remove_abandoned(folder: Path) -> None:
    """What a killed process left: folders in which nothing was written for an hour."""
    for partial in folder.parent.glob(f"{folder.name}.partial-*"):
        times = [one.stat().st_mtime for one in (partial, *partial.iterdir())]
        if max(times) < time.time() - _ABANDONED_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)


def read_arrays(
    folder: Path, types: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The arrays, mapped and read-only, and the info; None where they are not there and whole."""
    try:
        if (folder / _INFO).stat().st_size > _MAX_INFO_BYTES:
            return None
        info = json.loads((folder / _INFO).read_bytes())
        sizes = info["sizes"]
        if any((folder / name).stat().st_size != sizes[name] for name in types):
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return {name: _mapped(folder / name, np.dtype(kind)) for name, kind in types.items()}, info


def _mapped(path: Path, kind: np.dtype) -> np.ndarray:
    if path.stat().st_size < kind.itemsize:  # which cannot be mapped
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r")
