"""A run on real data for the acceptance tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnemonist.cli.entry import run

Train = Callable[..., dict[str, Any]]


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
