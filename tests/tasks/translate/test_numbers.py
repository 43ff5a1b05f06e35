"""Numbers to the words that say them, English and Chinese: all of it can be learnt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fetched import made

from mnemonist.cli.entry import run


@pytest.mark.acceptance
@pytest.mark.parametrize("words", ["english", "chinese"])
def test_numbers_that_were_never_seen_are_said_right(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--words", words, "--rows", "20000", "--seed", "1"]
    numbers = made("make_numbers.py", *options, tmp_path / "numbers.tsv")
    command = ["train", "translate", str(numbers), "--run", str(tmp_path / "run"), "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    exact = {row["name"]: row["values"]["exact"] for row in found["table"]["rows"]}
    assert exact["LSTM"] >= 0.99
    assert "is better than the best baseline" in found["verdict"]
