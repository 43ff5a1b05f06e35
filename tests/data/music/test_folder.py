"""From a folder of music to lines of tokens, what is said about it, and the picture."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import pytest

from mnemonist.data.music import (
    check_music,
    piano_roll,
    read_scores,
    score_of,
    tokens_of,
    write_midi,
    write_token_lines,
)
from mnemonist.errors import DataError

REEL = "X:1\nT:Reel\nM:2/4\nL:1/4\nK:D\nDE|F2|\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.abc").write_text(REEL + "\nX:2\nK:C\nC&D\n")
    (tmp_path / "sub" / "b.abc").write_text(REEL.replace("DE|F2|", "EF|^G2|").replace("K:D", "K:E"))
    (tmp_path / "sub" / "c.abc").write_text("X:1\nT:low\nK:C\nC,,,,|\n")
    (tmp_path / "readme.txt").write_text("not music")
    return tmp_path


def test_a_folder_becomes_lines_of_tokens(folder):
    done = write_token_lines(folder, folder / "out.txt", common_key=True, transpose=(0, 2))
    assert (folder / "out.txt").read_text().splitlines() == [
        "M:2/4 K:C N60:1 N62:1 | N64:2 |",
        "M:2/4 K:D N62:1 N64:1 | N66:2 |",
        "K:C N12:1/2 |",
        "K:D N14:1/2 |",
    ]
    assert (done.tunes, done.lines, done.tokens, done.repeated) == (2, 4, 20, 1)
    assert [finding.code for finding in done.findings] == ["abc-symbol"]


def test_repeated_tunes_are_kept_when_asked(folder):
    done = write_token_lines(folder, folder / "out.txt", unique=False)
    assert (done.tunes, done.repeated) == (3, 0)


def test_played_music_is_brought_onto_a_grid_and_split_into_voices(tmp_path):
    pytest.importorskip("mido")
    played = score_of(["K:C", "V:2", "N60:101/100", "N48:2", "N62:99/100"])
    write_midi(played, tmp_path / "a.mid")
    write_token_lines(tmp_path, tmp_path / "out.txt", step=Fraction(1, 4))
    assert "N60:1 N48:2 N62:1" in (tmp_path / "out.txt").read_text()


def test_check_tells_the_fatal_first_and_the_twins_last(folder):
    (folder / "d.mid").write_bytes(b"MThd nonsense")
    findings = check_music(folder)
    codes = [(finding.severity, finding.code) for finding in findings]
    assert codes == [
        *(("fatal", "abc-symbol"), ("fatal", "unreadable")),
        *(("warning", "pitch-range"), ("note", "duplicate-tunes")),
    ]
    assert "'Reel' = 'Reel'" in findings[-1].message


def test_a_very_long_piece_is_told(tmp_path):
    (tmp_path / "a.abc").write_text("X:1\nK:C\n" + ("CDEFGABc|" * 10 + "\n") * 63)
    assert [finding.code for finding in check_music(tmp_path / "a.abc")] == ["very-long"]


def test_no_music_says_so(tmp_path):
    with pytest.raises(DataError, match="holds no file of music"):
        list(read_scores(tmp_path))
    with pytest.raises(DataError, match=r"expected a folder"):
        list(read_scores(tmp_path / "a.wav"))
    with pytest.raises(DataError, match="no such file"):
        check_music(tmp_path / "a.abc")


def test_the_piano_roll_shows_every_note_in_its_place():
    score = score_of(["M:2/4", "K:C", "V:2", "N67:1", "N48:2", "N65:1", "|", "N64:2", "R:2", "|"])
    axes = piano_roll(score).axes[0]
    boxes = [
        [(bar.get_x(), bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in voice]
        for voice in axes.containers
    ]
    assert boxes == [
        [pytest.approx(box) for box in ((0, 67, 1), (1, 65, 1), (2, 64, 2))],
        [pytest.approx((0, 48, 2))],
    ]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2"]
    colours = {voice.patches[0].get_facecolor() for voice in axes.containers}
    assert len(colours) == 2


def test_a_piano_roll_of_some_bars_and_of_a_chinese_title(recwarn):
    from dataclasses import replace

    score = replace(
        score_of(["M:1/4", "K:C", "N60:1", "|", "N62:1", "|", "N64:1", "|"]), title="茉莉花"
    )
    figure = piano_roll(score, bars=(2, 3))
    assert figure.axes[0].get_xlim() == (1, 3)
    figure.savefig(picture := io.BytesIO(), format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="bars 1 to 3"):
        piano_roll(score, bars=(2, 4))


def test_tokens_of_the_lines_are_scores_again(folder):
    write_token_lines(folder, folder / "out.txt")
    for line in (folder / "out.txt").read_text().splitlines():
        assert tokens_of(score_of(line.split())) == line.split()


def test_lines_of_tokens_are_music_too_where_they_are_named(folder):
    write_token_lines(folder, folder / "out.txt")
    text = (folder / "out.txt").read_text()
    (folder / "out.txt").write_text(f"{text}\nN60:1 N61\n")
    ((path, found, findings),) = read_scores(folder / "out.txt")
    assert path == folder / "out.txt"
    assert [" ".join(tokens_of(score)) for score in found] == text.splitlines()
    assert [(one.severity, one.line) for one in findings] == [("fatal", len(found) + 2)]
    assert all(path.suffix == ".abc" for path, _, _ in read_scores(folder))


def test_tunes_are_shuffled_alike_by_the_same_seed(folder):
    tunes = [f"X:{k}\nL:1/4\nK:C\n{'C' * k}|\n" for k in range(1, 30)]
    (folder / "many.abc").write_text("\n".join(tunes))
    source, target = folder / "many.abc", folder / "out.txt"
    lines = {}
    for name, seed in {"kept": None, "first": 0, "again": 0, "other": 1}.items():
        write_token_lines(source, target, seed=seed, transpose=(0, 1))
        lines[name] = target.read_text().splitlines()
    assert lines["first"] == lines["again"]
    assert lines["first"] != lines["other"]
    assert sorted(lines["first"]) == sorted(lines["other"]) == sorted(lines["kept"])
    assert [line.split()[0] for line in lines["first"][:4]] == ["K:C", "K:Db"] * 2
