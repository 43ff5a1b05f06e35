"""Stories of the classifying commands, through the entry that the console script calls."""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.cli.stories import (
    a_cell_of_ones_own_predicts_without_its_class,
    stopped_training_goes_on_to_the_same_bits,
)

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder

QUICK = ("--epochs=2", "--hidden-size=4", "--embedding-size=4")


def reviews(count: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    good, bad = ["很好", "喜欢", "推荐"], ["太差", "失望", "退货"]
    rows = []
    for k in range(count):
        words = generator.choice(good if k % 2 else bad, 2)
        rows.append((f"第{k}单{words[0]}，{words[1]}", "pos" if k % 2 else "neg"))
    return pd.DataFrame(rows, columns=["review", "label"])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small table, as the working directory."""
    monkeypatch.chdir(tmp_path)
    reviews().to_csv("reviews.csv", index=False)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for those who only read it."""
    home = tmp_path_factory.mktemp("trained")
    reviews().to_csv(home / "reviews.csv", index=False)
    options = ["--epochs=8", "--hidden-size=8", "--learning-rate=0.02"]
    assert (
        run(["train", "classify", str(home / "reviews.csv"), *options, "--run", str(home / "r")])
        == 0
    )
    return home / "r"


def test_only_the_file_is_needed_and_every_choice_is_said(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "classify", "reviews.csv", *QUICK]) == 0
    out, err = capsys.readouterr()
    for said in (
        "data       reviews.csv: text, 2 classes",
        "classes    neg (42), pos (42)",
        "parts      train 84, validation 12, test 24 items",
        " characters",
        "majority",
        "character n-grams",
        "report     runs/classify-reviews-lstm-",
        "next       mnemonist predict classify runs/classify-reviews-lstm-",
    ):
        assert said in out
    assert "\x1b" not in out + err
    (folder,) = (shop / "runs").iterdir()
    assert RunFolder.load(folder).finished


def test_a_file_for_each_label_and_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label, rows in reviews().groupby("label"):
        Path(f"{label}.txt").write_text("\n".join(rows["review"]), encoding="gb18030")
    assert run(["train", "classify", "pos.txt", "neg.txt", *QUICK, "--run", "r", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["config"]["tokens"] == "characters"
    assert [one["name"] for one in document["classes"]] == ["neg", "pos"]
    assert 0 <= document["accuracy_by_share_read"]["0.5"] <= 1
    page = Path("r/report.html").read_text(encoding="utf-8")
    assert "mnemonist train classify pos.txt neg.txt" in page


def test_lines_of_standard_input_get_labels_and_probabilities(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("很好，推荐\n\n太差，失望\n"))
    assert run(["predict", "classify", str(trained)]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert table["line"].tolist() == [1, 3]
    assert table["label"].tolist() == ["pos", "neg"]
    assert np.allclose(table[["p neg", "p pos"]].sum(axis=1), 1, atol=1e-5)
    assert np.allclose(table["probability"], table[["p neg", "p pos"]].max(axis=1))


def test_a_text_file_and_a_table_are_classified_alike(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["很好，推荐", "太差，失望"]
    (tmp_path / "new.txt").write_text("\n".join(texts), encoding="utf-8")
    pd.DataFrame({"review": texts}).to_csv(tmp_path / "new.csv", index=False)
    labels = []
    for name in ("new.txt", "new.csv"):
        assert run(["predict", "classify", str(trained), str(tmp_path / name), "--json"]) == 0
        items = json.loads(capsys.readouterr().out)["items"]
        labels.append([(item["text"], item["label"], item["p pos"]) for item in items])
    assert labels[0] == labels[1]
    out = tmp_path / "out.csv"
    assert (
        run(["predict", "classify", str(trained), str(tmp_path / "new.txt"), "--out", str(out)])
        == 0
    )
    assert pd.read_csv(out)["label"].tolist() == ["pos", "neg"]


def test_eval_repeats_the_results_of_training(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "classify", str(trained), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["table"] == RunFolder.load(trained).load_json("results.json")["table"]


def test_eval_measures_another_file_and_refuses_labels_that_training_lacks(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = pd.DataFrame({"review": ["很好", "太差", "推荐"], "label": ["pos", "neg", "pos"]})
    other.to_csv(tmp_path / "other.csv", index=False)
    assert run(["eval", "classify", str(trained), str(tmp_path / "other.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paired_bootstrap"]["items"] == 3
    other.replace("neg", "bad").to_csv(tmp_path / "other.csv", index=False)
    assert run(["eval", "classify", str(trained), str(tmp_path / "other.csv")]) == 2
    message = capsys.readouterr().err
    assert "bad" in message
    assert "line 3" in message


def test_the_predictions_on_the_test_part_are_kept(trained: Path) -> None:
    table = pd.read_csv(trained / "predictions.csv")
    rows = RunFolder.load(trained).load_json("results.json")["table"]["rows"]
    network = next(row for row in rows if row["kind"] == "network")
    assert (table["truth"] == table["label"]).mean() == pytest.approx(network["values"]["accuracy"])


def test_data_that_changed_are_no_longer_those_of_the_run(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "classify", "reviews.csv", *QUICK, "--run", "r"]) == 0
    reviews(130).to_csv("reviews.csv", index=False)
    assert run(["eval", "classify", "r"]) == 2
    assert "has changed since" in capsys.readouterr().err


def test_a_test_file_of_its_own(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews(150).iloc[110:].to_csv("test.csv", index=False)
    command = ["train", "classify", "reviews.csv", "--test-file", "test.csv", *QUICK]
    assert run([*command, "--run", "r"]) == 0
    out = capsys.readouterr().out
    assert "test 40 items" in out
    assert "training too" in out or "training items too" in out


def test_check_finds_what_stands_against_training(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "classify", "reviews.csv"]) == 0
    assert "tokens: characters" in capsys.readouterr().out
    reviews().assign(label="pos").to_csv("reviews.csv", index=False)
    assert run(["check", "classify", "reviews.csv"]) == 2
    assert "bring items of another class" in capsys.readouterr().out
    assert not Path("runs").exists()


def test_a_cell_of_ones_own_predicts_without_its_class(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("new.txt").write_text("很好", encoding="utf-8")
    train = ["train", "classify", "reviews.csv", *QUICK, "--run", "r"]
    a_cell_of_ones_own_predicts_without_its_class(
        train, ["predict", "classify", "r", "new.txt"], monkeypatch, capsys
    )


def test_a_killed_training_goes_on_to_the_same_bits(shop: Path) -> None:
    command = ["train", "classify", "reviews.csv", "--hidden-size=4", "--embedding-size=4"]
    command += ["--token-dropout=0.2", "--epochs=10", "--patience=10", "--batch-size=8"]
    stopped_training_goes_on_to_the_same_bits(command, signal.SIGKILL)
