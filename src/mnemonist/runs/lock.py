"""One training at a time in a run folder."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from mnemonist.errors import RunFolderError
from mnemonist.runs.files import explained

__all__ = ["LOCK_NAME", "FolderLock"]

LOCK_NAME = ".lock"


class FolderLock:
    """Held from construction until `release` or the end of the process, however it comes.

    The operating system holds the lock, so a process that was killed leaves none behind.

    Raises:
        RunFolderError: another training holds it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_NAME
        with explained(path, "written"):
            self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _try_lock(self._descriptor):
            holder = _holder(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
            raise RunFolderError(
                f"{folder} is in use by another training{holder}: wait for it, stop it, or choose "
                "another folder with --run"
            )
        mine = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode()
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, mine)

    def release(self) -> None:
        """Let others in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.release()


def _holder(descriptor: int) -> str:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder: Any = json.loads(os.read(descriptor, 4096))
        return f" (process {int(holder['pid'])} on {holder['host']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            # A byte far behind the text: a locked region cannot be read on Windows.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
