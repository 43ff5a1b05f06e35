"""Dates as people write them to the one form of ISO 8601: all of it can be learnt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fetched import made

from mnemonist.cli.entry import run


@pytest.mark.acceptance
def test_dates_that_were_never_seen_are_written_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = made("make_dates.py", "--rows", "20000", "--seed", "1", tmp_path / "dates.tsv")
    command = ["train", "translate", str(dates), "--run", str(tmp_path / "run"), "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    exact = {row["name"]: row["values"]["exact"] for row in found["table"]["rows"]}
    assert exact["LSTM"] >= 0.99
    assert "is better than the best baseline" in found["verdict"]
