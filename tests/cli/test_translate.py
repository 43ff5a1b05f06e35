"""Stories of the translating commands, through the entry that the console script calls."""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path

import pytest
from tests.cli.stories import stopped_training_goes_on_to_the_same_bits

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder

QUICK = ("--epochs=1", "--hidden-size=8", "--embedding-size=8")
DIGITS = "零一二三四五六七八九"


def pairs(count: int = 200) -> str:
    """A table of numbers and how they are read."""
    rows = [f"{k:03}\t{''.join(DIGITS[int(one)] for one in f'{k:03}')}" for k in range(count)]
    return "\n".join(["source\ttarget", *rows]) + "\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pairs, as the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("pairs.tsv").write_text(pairs(), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for those who only read it."""
    home = tmp_path_factory.mktemp("trained")
    (home / "pairs.tsv").write_text(pairs(600), encoding="utf-8")
    options = ["--epochs=14", "--hidden-size=32", "--learning-rate=0.02", "--dropout=0"]
    command = ["train", "translate", str(home / "pairs.tsv"), *options]
    assert run([*command, "--run", str(home / "r")]) == 0
    return home / "r"


def test_only_the_file_is_needed_and_every_choice_is_said(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "translate", "pairs.tsv", *QUICK]) == 0
    out, err = capsys.readouterr()
    for said in (
        "160 pairs for training, 20 for validation, 20 for the test",
        "source     12 characters",
        "additive attention after the step, fed back",
        "nearest training source",
        "report     ",
        "mnemonist predict translate ",
    ):
        assert said in out, err
    (folder,) = Path("runs").iterdir()
    stored = RunFolder.load(folder).load_json("results.json")
    assert set(stored["loss"]) == {"teacher_forced", "free_running", "gap"}
    assert "tok:zh" in stored["signatures"]["BLEU"]


def test_lines_keep_their_places(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, out = tmp_path / "lines.txt", tmp_path / "out.txt"
    lines.write_text("123\n\n450\n", encoding="utf-8")
    assert run(["predict", "translate", str(trained), str(lines)]) == 0
    assert capsys.readouterr().out.splitlines() == ["一二三", "", "四五零"]
    assert run(["predict", "translate", str(trained), str(lines), "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == "一二三\n\n四五零\n"


def test_standard_input_and_the_n_best(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("123\r\n007\n"))
    assert run(["predict", "translate", str(trained), "--nbest", "3", "--beam", "4"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [[str(n), str(k)] for n in (1, 2) for k in (1, 2, 3)]
    assert rows[0][3] == "一二三"
    assert float(rows[0][2]) >= float(rows[1][2]) >= float(rows[2][2])
    monkeypatch.setattr(sys, "stdin", io.StringIO("123\n"))
    assert run(["predict", "translate", str(trained), "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)["lines"]
    assert (line["line"], line["source"]) == (1, "123")
    assert line["translations"][0]["text"] == "一二三"
    assert line["translations"][0]["ended"] is True


def test_a_run_is_measured_again_and_on_other_pairs(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = RunFolder.load(trained).load_json("results.json")
    assert run(["eval", "translate", str(trained), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["table"] == stored["table"]
    sources, targets = tmp_path / "a.zh", tmp_path / "a.en"
    sources.write_text("123\n450\n", encoding="utf-8")
    targets.write_text("一二三\nwrong\n", encoding="utf-8")
    command = ["eval", "translate", str(trained), str(sources), "--target-file", str(targets)]
    assert run([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["table"]["rows"]
    assert next(row for row in rows if row["kind"] == "network")["values"]["exact"] == 0.5
    assert run(["eval", "translate", str(trained)]) == 0
    assert "nrefs:1|case:mixed" in capsys.readouterr().out


def test_data_that_have_changed_are_not_measured(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "translate", "pairs.tsv", *QUICK, "--run", "r"]) == 0
    Path("pairs.tsv").write_text(pairs(199), encoding="utf-8")
    assert run(["eval", "translate", "r"]) == 2
    assert "has changed since" in capsys.readouterr().err
    Path("pairs.tsv").unlink()
    assert run(["eval", "translate", "r"]) == 2
    assert "which is not there" in capsys.readouterr().err


def test_two_files_in_other_encodings(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split("\t") for line in pairs(60).splitlines()[1:]]
    Path("n.txt").write_text("".join(f"{one}\n" for one, _ in rows), encoding="utf-8")
    Path("z.txt").write_text("".join(f"{two}\n" for _, two in rows), encoding="gbk")
    command = ["train", "translate", "z.txt", "--target-file", "n.txt", *QUICK]
    assert run([*command, "--encoding", "gbk", "--run", "r"]) == 0
    assert "source     12 characters" in capsys.readouterr().out
    assert RunFolder.load("r").load_json("results.json")["table"]["metrics"] == [
        "BLEU",
        "chrF2",
        "exact",
    ]


def test_check_finds_what_stands_against_training(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "translate", "pairs.tsv"]) == 0
    out = capsys.readouterr().out
    assert "target: characters, as their script (zh) has no spaces between words" in out
    assert "Nothing stands against training" in out
    Path("short.txt").write_text("一\n", encoding="utf-8")
    assert run(["check", "translate", "pairs.tsv", "--target-file", "short.txt"]) == 2
    assert "are not pairs" in capsys.readouterr().out
    assert not Path("runs").exists()


def test_a_test_file_of_its_own(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("test.tsv").write_text("source\ttarget\n007\t零零七\n999\t九九九\n", encoding="utf-8")
    command = ["train", "translate", "pairs.tsv", *QUICK, "--test-file", "test.tsv"]
    assert run([*command, "--run", "r"]) == 0
    out = capsys.readouterr().out
    assert "180 pairs for training, 20 for validation, 2 for the test" in out
    assert "stand in the training part too" in out


def test_cells_are_compared(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compare", "translate", "pairs.tsv", *QUICK, "--cells", "gru", "elman"]
    assert run([*command, "--seeds=1", "--run", "c", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "exact"
    assert {one["cell"] for one in found["candidates"]} == {"gru", "elman"}
    assert Path("c/report.html").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_training_goes_on_to_the_same_bits(desk: Path, how: signal.Signals) -> None:
    command = ["train", "translate", "pairs.tsv", *QUICK[1:], "--epochs=3", "--batch-size=16"]
    command += ["--teacher-forcing.schedule=linear", "--teacher-forcing.slope=0.01"]
    stopped_training_goes_on_to_the_same_bits(command, how)
