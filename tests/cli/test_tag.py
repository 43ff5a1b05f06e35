"""Stories of the tagging commands, through the entry that the console script calls."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from tests.cli.stories import stopped_training_goes_on_to_the_same_bits

from mnemonist.cli.entry import run
from mnemonist.data.tags import load_tagged
from mnemonist.runs import RunFolder

QUICK = ("--epochs=6", "--hidden-size=12", "--embedding-size=12", "--batch-size=8")


def lines(count: int = 100) -> str:
    """Somebody goes somewhere, surname and given name apart."""
    draw = np.random.default_rng(0)
    names, places = ("王刚", "李明", "陈静"), ("北京", "上海")
    pairs = [(draw.choice(names), draw.choice(places)) for _ in range(count)]
    return "".join(f"{n[0]}/nr {n[1]}/nr 去/v {p}/ns 了/u\n" for n, p in pairs)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for those who only read it."""
    home = tmp_path_factory.mktemp("trained")
    (home / "news.txt").write_text(lines(), encoding="utf-8")
    assert run(["train", "tag", str(home / "news.txt"), *QUICK, "--run", str(home / "r")]) == 0
    return home / "r"


def test_training_says_what_was_found_and_keeps_it(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder.load(trained)
    again = ["train", "tag", str(trained.parent / "news.txt"), *QUICK, "--run", str(trained)]
    assert run(again) == 0
    out = capsys.readouterr().out
    for said in ("words and what they are, by characters (BIOES)", "most frequent tag", "a CRF"):
        assert said in out
    names = {path.name for path in folder.path.iterdir()}
    assert {"results.json", "report.html", "predictions.conll", "model.safetensors"} <= names


def test_text_comes_out_as_words_columns_or_json(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("王刚去北京了\n\n李明去 上海了\n", encoding="utf-8")
    command = ["predict", "tag", str(trained), str(tmp_path / "in.txt")]
    assert run(command) == 0
    tagged = capsys.readouterr().out.splitlines()
    assert tagged == ["王/nr 刚/nr 去/v 北京/ns 了/u", "李/nr 明/nr 去/v 上海/ns 了/u"]
    assert run([*command, "--write-as", "columns"]) == 0
    columns = capsys.readouterr().out.split("\n")
    assert [one.show() for one in load_tagged(columns)] == tagged
    assert run([*command, "--write-as", "jsonl", "--out", str(tmp_path / "out.jsonl")]) == 0
    second = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert {"start": 4, "end": 6, "label": "ns", "text": "上海"} in second["entities"]
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["sentences"]) == 2


def test_columns_are_read(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.conll").write_text("王刚\n去\n北京\n了", encoding="utf-8")
    assert (
        run(["predict", "tag", str(trained), str(tmp_path / "in.conll"), "--read-as=columns"]) == 0
    )
    assert capsys.readouterr().out == "王/nr 刚/nr 去/v 北京/ns 了/u\n"


def test_eval_repeats_the_results_of_training(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "tag", str(trained), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["table"] == RunFolder.load(trained).load_json("results.json")["table"]


def test_check_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "Ann B-PER\nran O\n\nIn O\nRome B-LOC\n\n" * 3 + "In O\nRome I-LOC\n\n"
    (tmp_path / "a.conll").write_text(text * 9)
    assert run(["check", "tag", str(tmp_path / "a.conll")]) == 0
    out = capsys.readouterr().out
    assert "line 20: " in out
    assert "it is read as B-LOC" in out
    (tmp_path / "b.conll").write_text("Ann B-PER\nran\n\n" + text)
    assert run(["check", "tag", str(tmp_path / "b.conll")]) == 2
    assert "line 2" in capsys.readouterr().out


def test_cells_are_compared(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(trained.parent / "news.txt")
    options = ["--cells", "gru", "--seeds", "1", "--epochs", "1", "--hidden-size", "4"]
    assert run(["compare", "tag", source, *options, "--run", str(tmp_path / "c")]) == 0
    assert "gru 4" in capsys.readouterr().out


def test_parts_may_be_numbers_of_sentences(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(trained.parent / "news.txt")
    assert run(["check", "tag", source, "--test", "30", "--valid", "5"]) == 0
    assert "sentences" in capsys.readouterr().out
    assert run(["check", "tag", source, "--test", "99.5"]) == 2
    assert "a whole number of sentences" in capsys.readouterr().err


def test_a_killed_training_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news.txt").write_text(lines(), encoding="utf-8")
    command = ["train", "tag", "news.txt", *QUICK[1:], "--epochs=20", "--patience=20"]
    stopped_training_goes_on_to_the_same_bits(command, signal.SIGKILL)
