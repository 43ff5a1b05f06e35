"""What follows a rule can be learnt wholly: dates to ISO 8601, numbers to the words that say them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fetched import made

from mnemonist.cli.entry import run


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("make_dates.py", []),
        ("make_numbers.py", ["--words", "english"]),
        ("make_numbers.py", ["--words", "chinese"]),
    ],
    ids=["dates", "english numbers", "chinese numbers"],
)
def test_what_was_never_seen_is_translated_right(
    script: str, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = made(script, *options, "--rows", "20000", "--seed", "1", tmp_path / "pairs.tsv")
    command = ["train", "translate", str(pairs), "--run", str(tmp_path / "run"), "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    exact = {row["name"]: row["values"]["exact"] for row in found["table"]["rows"]}
    assert exact["LSTM"] >= 0.99
    assert "is better than the best baseline" in found["verdict"]
