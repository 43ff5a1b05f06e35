"""Four thousand sentences in Chinese and English, both ways: too few, and the tool says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fetched import from_pip

from mnemonist.cli.entry import run

SIDES = ("chinese", "translation.en")


@pytest.fixture
def sentences() -> Path:
    """The pairs, as one JSON file."""
    return from_pip("hsk-sentences-audio==1.0.0") / "hsk_sentences_audio/data/sentences.json"


@pytest.mark.acceptance
@pytest.mark.parametrize(("source", "target"), [SIDES, SIDES[::-1]])
def test_the_verdict_says_what_was_measured(
    sentences: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    target: str,
) -> None:
    command = ["train", "translate", str(sentences), "--source", source, "--target", target]
    assert run([*command, "--run", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    bleu = {row["name"]: row["values"]["BLEU"] for row in found["table"]["rows"]}
    test = found["paired_bootstrap"]
    assert test["difference"] == pytest.approx(bleu["LSTM"] - bleu[found["best_baseline"]])
    better = test["difference"] > 0
    assert ("is better than the best baseline" in found["verdict"]) is better
    assert ("within the noise" in found["verdict"]) is (better and test["p_value"] >= 0.05)
    assert bleu["LSTM"] > bleu["most frequent target"]
    chinese = found["signatures"]["BLEU"]
    assert ("tok:zh" in chinese) is (target == "chinese")
    assert found["loss"]["gap"] > 0
