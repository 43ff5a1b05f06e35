"""`mnemonist music`: a folder of tunes to tokens, tokens to a file to be played, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnemonist.cli.entry import run
from mnemonist.data.music import parse_abc

TUNES = (
    "X:1\nT:Reel\nM:2/4\nL:1/4\nK:D\n|:DE|F2:|\n\n"
    "X:2\nT:Short\nM:2/4\nL:1/4\nK:G\nGA|B|cd|G2|\n\n"
    "X:3\nK:C\nC&D|\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tunes and one that cannot be read."""
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "a.abc").write_text(TUNES)
    return tmp_path


def test_a_folder_to_tokens_and_the_way_on(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = folder / "tunes.txt"
    assert run(["music", str(folder / "tunes"), str(text)]) == 0
    assert sorted(text.read_text().splitlines()) == [
        "M:2/4 K:C N60:1 N62:1 | N64:2 |",
        "M:2/4 K:C N72:1 N74:1 | N76:1 | N77:1 N79:1 | N72:2 |",
    ]
    said = capsys.readouterr().out
    assert "left out" in said
    assert "voice overlays" in said
    assert "2 tunes, 2 bars, 9 notes: bars full 50.0 %" in said
    assert f"train language {text} --tokens spaces --mode sentences" in said


def test_keys_and_repeats_may_stay(folder: Path):
    text = folder / "tunes.txt"
    assert run(["music", str(folder / "tunes"), str(text), "--keys", "--repeats"]) == 0
    assert "M:2/4 K:D N62:1 N64:1 | N66:2 | N62:1 N64:1 | N66:2 |" in text.read_text()


def test_tokens_become_abc_midi_and_pictures(folder: Path, capsys: pytest.CaptureFixture[str]):
    mido = pytest.importorskip("mido")
    drawn = folder / "drawn.txt"
    drawn.write_text("M:2/4 K:C N60:1 N62:1 | N64:2 |\n\nM:3/4 K:Am N69:3 | N57:3 |\nK:C N60:x\n")
    for kind in ("abc", "mid", "svg"):
        assert run(["music", str(drawn), str(folder / f"new.{kind}")]) == 0
    assert "line 4" in capsys.readouterr().out
    tunes = parse_abc((folder / "new.abc").read_text())
    assert [str(tune.key) for tune in tunes] == ["C", "Am"]
    assert mido.MidiFile(folder / "new-1.mid").length == pytest.approx(4 * 0.5)
    assert mido.MidiFile(folder / "new-2.mid").length == pytest.approx(6 * 0.5)
    assert "<svg" in (folder / "new-2.svg").read_text()
    assert not (folder / "new-3.mid").exists()


def test_without_a_target_it_counts(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["music", str(folder / "tunes"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tunes"], found["bars"], found["full_bars"]) == (
        2,
        4,
        3,
    )  # repeats are played out
    assert found["shares"]["notes in key"] == 1
    assert [one["severity"] for one in found["findings"]] == ["warning", "fatal"]
    assert found["written"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tunes}", "{home}/a.wav"], "music is written to .abc"),
        (["{tunes}", "--grid", "0"], "at least 1 step"),
        (["{home}/words.txt"], "no tune could be read"),
        (["{home}/words.txt", "{home}/out.txt"], "no tune could be read"),
        (["{home}/none"], "expected a folder"),
    ],
)
def test_what_cannot_be_done_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    (folder / "words.txt").write_text("to be or not to be\n")
    filled = [one.format(tunes=folder / "tunes", home=folder) for one in arguments]
    assert run(["music", *filled]) == 2
    assert said in capsys.readouterr().err


def test_who_trains_on_a_folder_of_music_is_told_how_it_becomes_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["train", "language", str(folder / "tunes")]) == 2
    assert f"mnemonist music {folder / 'tunes'} tunes.txt" in capsys.readouterr().err
