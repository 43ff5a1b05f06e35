"""Three books of fiddle tunes: learnt, drawn from, and played."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest
from tests.fetched import from_pip

from mnemonist.cli.entry import run
from mnemonist.data.music import read_abc, soundness
from mnemonist.runs import RunFolder


@pytest.mark.acceptance
def test_tunes_drawn_by_a_network_are_tunes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mido = pytest.importorskip("mido")
    corpus = from_pip("music21==10.5.1") / "music21/corpus"
    for book in ("airdsAirs", "oneills1850", "ryansMammoth"):
        copytree(corpus / book, tmp_path / "books" / book)
    text, folder, drawn = tmp_path / "tunes.txt", tmp_path / "run", tmp_path / "drawn.txt"
    assert run(["music", str(tmp_path / "books"), str(text)]) == 0
    command = ["train", "language", str(text), "--tokens", "spaces", "--mode", "sentences"]
    command += ["--cell", "cifg", "--hidden-size", "256", "--learning-rate", "5e-3"]
    command += ["--output-dropout", "0.3", "--input-dropout", "0.1"]
    command += ["--epochs", "12", "--token-budget", "8000000"]
    assert run([*command, "--run", str(folder)]) == 0
    results = RunFolder.load(folder).load_json("results.json")
    perplexity = {row["name"]: row["values"]["perplexity"] for row in results["table"]["rows"]}
    assert perplexity["CIFG"] < perplexity["Kneser-Ney, order 5"]

    capsys.readouterr()
    command = ["sample", "language", str(folder), "--lines", "50", "--length", "50000"]
    assert run([*command, "--temperature", "0.8"]) == 0
    said = capsys.readouterr()
    assert "Longest span copied from training" in said.err
    drawn.write_text(said.out)
    tunes = [line.split() for line in said.out.splitlines() if line.strip()]
    assert len(tunes) == 50
    shares = soundness(tunes).shares()
    assert shares["bars full"] >= 0.8
    assert shares["notes in key"] >= 0.9
    learnt = set(text.read_text().splitlines())
    assert not learnt & {" ".join(tune) for tune in tunes}

    for kind in ("mid", "abc", "png"):
        assert run(["music", str(drawn), str(tmp_path / f"drawn.{kind}")]) == 0
    scores = read_abc(tmp_path / "drawn.abc")
    for number, score in enumerate(scores, start=1):
        played = mido.MidiFile(tmp_path / f"drawn-{number:02d}.mid")
        assert played.length == pytest.approx(float(score.length) / 2)  # 120 quarters a minute
    assert (tmp_path / "drawn-50.png").read_bytes().startswith(b"\x89PNG")
