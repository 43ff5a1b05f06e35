"""Stories of the commands on language models, through the entry that the console script calls."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from tests.cli.stories import stopped_training_goes_on_to_the_same_bits

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder

QUICK = ("--epochs=2", "--hidden-size=8", "--steps=20", "--batch-size=8", "--learning-rate=0.02")


def text(lines: int = 200) -> str:
    """Lines of a small grammar, some of them Chinese."""
    draw = np.random.default_rng(0)
    subjects, verbs = ["the cat", "the dog", "王刚", "李明"], ["sees", "hears", "看见"]
    pick = lambda words: words[draw.integers(len(words))]  # noqa: E731
    return "".join(f"{pick(subjects)} {pick(verbs)} {pick(subjects)}\n" for _ in range(lines))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a text, as the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(text(), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for those who only read it."""
    home = tmp_path_factory.mktemp("trained")
    (home / "text.txt").write_text(text(), encoding="utf-8")
    assert run(["train", "language", str(home / "text.txt"), *QUICK, "--run", str(home / "r")]) == 0
    return home / "r"


def test_only_the_text_is_needed_and_every_choice_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "language", "text.txt", "--epochs=1", "--hidden-size=8"]) == 0
    out = capsys.readouterr().out
    for said in (
        "data       text.txt: characters",
        "one stream, its state carried on, gradients through 50 tokens",
        "Kneser-Ney, order 6",
        "unigram",
        "report     runs/language-text-lstm-",
        "next       mnemonist sample language runs/language-text-lstm-",
    ):
        assert said in out
    (folder,) = (home / "runs").iterdir()
    assert RunFolder.load(folder).finished


def test_the_run_folder_has_a_report_and_the_bits_of_every_line(trained: Path) -> None:
    page = (trained / "report.html").read_text(encoding="utf-8")
    for part in ("Results beside the baselines", "What it writes", "Where it is surprised", "<svg"):
        assert part in page
    assert "王刚" in page
    results = RunFolder.load(trained).load_json("results.json")
    rows = (trained / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "line,tokens,bits,baseline_bits,text"
    assert len(rows) - 1 == results["test_part"]["lines"] == 20
    bits = sum(float(row.split(",")[2]) for row in rows[1:])
    characters = results["test_part"]["characters"] + 20
    network = next(row for row in results["table"]["rows"] if row["kind"] == "network")
    assert network["values"]["bits per character"] == pytest.approx(bits / characters, rel=1e-3)


def test_eval_repeats_the_results_of_training_and_reads_other_texts(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "language", str(trained), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["table"] == RunFolder.load(trained).load_json("results.json")["table"]
    (tmp_path / "other.txt").write_text("the cat 彪\nthe dog\n", encoding="utf-8")
    assert run(["eval", "language", str(trained), str(tmp_path / "other.txt")]) == 0
    out = capsys.readouterr().out
    assert "18 tokens, 6.2 % unknown" in out
    assert "line breaks included" in out


def test_score_shows_lines_and_tokens(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.txt").write_text("the cat sees 李明\nqqqq zzzz\n", encoding="utf-8")
    assert run(["score", "language", str(trained), str(tmp_path / "s.txt"), "--tokens"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split("\t") == [
        "line",
        "bits",
        "bits_per_token",
        "perplexity",
        "unknown",
        "text",
    ]
    whole = [row.split("\t") for row in rows[1:] if not row.startswith("\t")]
    assert [row[5] for row in whole] == ["the cat sees 李明", "qqqq zzzz"]
    assert float(whole[0][2]) < float(whole[1][2])
    tokens = [float(row.split("\t")[1]) for row in rows[2:18]]
    assert sum(tokens) == pytest.approx(float(whole[0][1]), abs=0.1)
    assert run(["score", "language", str(trained), str(tmp_path / "s.txt"), "--json"]) == 0
    (first, _) = json.loads(capsys.readouterr().out)["lines"]
    assert first["tokens"][-1]["token"] == "<eos>"


def test_sample_writes_the_same_text_for_the_same_seed_and_looks_for_copies(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sample", "language", str(trained), "--prompt", "王", "--length", "60"]
    command += ["--temperature", "0.7", "--top-k", "20", "--top-p", "0.95", "--seed", "3"]
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert out.startswith("王")
    assert "Longest span copied from training: " in err
    assert run([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "王" + document["text"].removesuffix("\n") == out.removesuffix("\n")
    assert document["longest_copied_span"]["tokens"] >= 1
    assert run(["sample", "language", str(trained), "--lines", "2", "--no-copied"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 2
    assert err == ""


def test_samples_need_no_training_text_but_say_that_copies_were_not_looked_up(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "language", "text.txt", *QUICK, "--run", "r"]) == 0
    Path("text.txt").write_text(text(150), encoding="utf-8")
    capsys.readouterr()
    assert run(["sample", "language", "r", "--length", "5"]) == 0
    assert "was changed since" in " ".join(capsys.readouterr().err.split())
    Path("text.txt").unlink()
    assert run(["sample", "language", "r", "--length", "5"]) == 0
    assert "which is not there" in " ".join(capsys.readouterr().err.split())
    assert run(["eval", "language", "r"]) == 2


def test_rerank_tunes_its_weight_on_a_dev_file(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["id\tscore\ttext\treference"]
    for key in ("1", "2"):
        rows += [f"{key}\t-1\tqq zz qq zz qq\tthe cat sees the dog"]
        rows += [f"{key}\t-2\tthe cat sees the dog\tthe cat sees the dog"]
    lists = tmp_path / "lists.tsv"
    lists.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert run(["rerank", "language", str(trained), str(lists), "--dev", str(lists)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["1\tthe cat sees the dog", "2\tthe cat sees the dog"]
    assert "0.00 % of the characters wrong" in err
    assert f"{lists}: 0.00 % of the characters wrong, " in err
    out_file = tmp_path / "out.tsv"
    command = ["rerank", "language", str(trained), str(lists), "--weight", "0"]
    assert run([*command, "--out", str(out_file)]) == 0
    assert out_file.read_text(encoding="utf-8").splitlines()[1].startswith("1\t1\t-1.0000\t")
    assert run(["rerank", "language", str(trained), str(lists)]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_check_lists_what_was_found_and_chosen(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "language", "text.txt", "--tokens", "spaces"]) == 0
    out = capsys.readouterr().out
    assert "repeat an earlier one" in out
    assert "note     softmax: full, 10 types" in out
    Path("bad.txt").write_bytes(b"a\x00b\n" * 3)
    assert run(["check", "language", "bad.txt"]) != 0


@pytest.mark.parametrize(
    ("how", "mode"), [(signal.SIGKILL, "streams"), (signal.SIGINT, "sentences")]
)
def test_a_stopped_training_goes_on_to_the_same_bits(
    home: Path, how: signal.Signals, mode: str
) -> None:
    command = ["train", "language", "text.txt", *QUICK[1:], "--epochs=6", "--patience=60"]
    command += ["--mode", mode, "--input-dropout=0.2"]
    stopped_training_goes_on_to_the_same_bits(command, how)
