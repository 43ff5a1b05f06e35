"""Stories of the forecasting commands, through the entry that the console script calls."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.cli.stories import (
    a_cell_of_ones_own_predicts_without_its_class,
    stopped_training_goes_on_to_the_same_bits,
)

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder

QUICK = (
    "--epochs=2", "--hidden-size=4", "--horizon=3", "--window=8",
    "--window-layers=2", "--time-layers=2",
)  # fmt: skip


def table(rows: int = 150) -> pd.DataFrame:
    steps = np.arange(rows)
    noise = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "price": np.round(3 + noise, 3),
            "sold": np.round(50 + 10 * np.sin(2 * np.pi * steps / 7) + noise, 3),
        }
    )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small table, as the working directory."""
    monkeypatch.chdir(tmp_path)
    table().to_csv("shop.csv", index=False)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for those who only read it."""
    home = tmp_path_factory.mktemp("trained")
    table().to_csv(home / "shop.csv", index=False)
    assert run(["train", "forecast", str(home / "shop.csv"), *QUICK, "--run", str(home / "r")]) == 0
    return home / "r"


def test_only_the_file_is_needed_and_every_choice_is_said(
    shop: Path, capsys: pytest.CaptureFixture[str], measured: Callable[[float], None]
) -> None:
    measured(0.5)
    short = ("--epochs=1", "--window-layers=2", "--time-layers=2")
    assert run(["train", "forecast", "shop.csv", *short]) == 0
    out, err = capsys.readouterr()
    for said in (
        "target     sold (the last numeric column)",
        "horizon    7 steps (one season)",
        f"executor   vendor, {torch.get_num_threads()} thread",
        "linear autoregression",
        "seasonal naive",
        "report     runs/forecast-shop-lstm-",
        "next       mnemonist predict forecast runs/forecast-shop-lstm-",
    ):
        assert said in out
    assert "\x1b" not in out + err
    (folder,) = (shop / "runs").iterdir()
    assert RunFolder.load(folder).finished


def test_the_header_says_why_the_compiled_engine_does_not_run(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNEMONIST_NATIVE", "0")
    short = ("--epochs=1", "--window-layers=2", "--time-layers=2")
    assert run(["train", "forecast", "shop.csv", *short, "--cell", "lstm_peephole"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "executor program" in said
    assert "(not native: MNEMONIST_NATIVE=0 switches" in said


def test_the_same_command_again_prints_the_report_and_trains_nothing(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "forecast", "shop.csv", *QUICK, "--run", "r"]
    assert run(command) == 0
    first = capsys.readouterr().out
    weights = (shop / "r/model.safetensors").stat().st_mtime_ns
    assert run(command) == 0
    assert capsys.readouterr().out == first
    assert (shop / "r/model.safetensors").stat().st_mtime_ns == weights


def test_another_configuration_in_the_same_folder_is_refused_by_name(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "forecast", "shop.csv", *QUICK, "--run", "r"]
    assert run(command) == 0
    assert run([*command, "--learning-rate", "0.02"]) == 2
    message = capsys.readouterr().err
    assert "training.learning_rate: 0.003 -> 0.02" in message
    assert "--overwrite" in message
    assert run([*command, "--learning-rate", "0.02", "--overwrite"]) == 0


def test_json_is_one_document_and_nothing_else(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "forecast", "shop.csv", *QUICK, "--run", "r", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["config"]["series"]["target"] == "sold"
    names = [row["name"] for row in document["table"]["rows"]]
    assert {"LSTM", "last value", "drift", "linear autoregression", "MLP on time"} <= set(names)
    assert document["verdict"].endswith(".")
    assert Path(document["report"]).is_file()


def test_a_file_of_options_mixes_with_those_of_the_command_line(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.toml").write_text(
        'cell = "gru"\nhorizon = 2\n[series]\nunknown = ["price"]\n[training]\nepochs = 1\n'
    )
    small = ("--window-layers=2", "--time-layers=2", "--window=8")
    command = ["train", "forecast", "shop.csv", "--config", "run.toml", *small]
    assert run([*command, "--horizon", "4", "--run", "r", "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert (config["cell"], config["horizon"], config["training"]["epochs"]) == ("gru", 4, 1)
    assert config["series"]["unknown"] == ["price"]


def test_a_misspelt_field_of_that_file_is_named(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.toml").write_text("[training]\nepoch = 1\n")
    assert run(["train", "forecast", "shop.csv", "--config", "run.toml"]) == 2
    assert "training.epoch" in capsys.readouterr().err


def test_predict_goes_on_after_the_last_day(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "forecast", str(trained)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "day,forecast,lower_0.8,upper_0.8,lower_0.95,upper_0.95"
    assert [line[:10] for line in lines[1:]] == ["2024-05-30", "2024-05-31", "2024-06-01"]
    for line in lines[1:]:
        centre, low, high, lower, upper = map(float, line.split(",")[1:])
        assert lower <= low <= centre <= high <= upper


def test_predict_reads_another_file_of_the_same_columns(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(170).to_csv(tmp_path / "later.csv", index=False)
    assert run(["predict", "forecast", str(trained), str(tmp_path / "later.csv"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["forecast"][0]["day"][:10] == "2024-06-19"


def test_eval_repeats_the_results_of_training(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "forecast", str(trained), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["table"] == RunFolder.load(trained).load_json("results.json")["table"]


@pytest.mark.parametrize("refit", [[], ["--refit"]])
def test_a_backtest_shows_every_piece(
    trained: Path, refit: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "forecast", str(trained), "--backtest", "2", *refit]) == 0
    out = capsys.readouterr().out
    assert "Piece 1 of 2" in out
    assert "Piece 2 of 2" in out
    assert "MASE" in out


def test_a_backtest_of_too_many_pieces_says_how_many_fit(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "forecast", str(trained), "--backtest", "20"]) == 2
    assert "at most 10" in capsys.readouterr().err


def test_compare_shows_the_spread_over_seeds(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "forecast", "shop.csv", *QUICK, "--seeds", "2"]
    command += ["--cells", "gru", "elman", "--hidden-sizes", "2", "3", "--run", "c"]
    assert run(command) == 0
    out = capsys.readouterr().out
    for name in ("gru 2", "gru 3", "elman 2", "elman 3"):
        assert f"{name} (2 seeds, " in out
    assert "linear autoregression" in out
    assert "<svg" in Path("c/report.html").read_text()
    assert run([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["seeds"] == [0, 1]
    assert all(len(set(one["values"]["MAE"])) == 2 for one in document["candidates"])


def test_a_cell_of_ones_own_predicts_without_its_class(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "forecast", "shop.csv", *QUICK, "--run", "r"]
    a_cell_of_ones_own_predicts_without_its_class(
        train, ["predict", "forecast", "r"], monkeypatch, capsys
    )


def test_check_lists_what_was_found_and_chosen(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "forecast", "shop.csv"]) == 0
    out = capsys.readouterr().out
    assert "target: the last numeric column 'sold'" in out
    assert "Nothing stands against training" in out
    assert not Path("runs").exists()


def test_several_series_and_covariates_of_the_future(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = []
    for shop_name, level in (("北店", 10.0), ("南店", 50.0)):
        one = table(100).assign(shop=shop_name)
        one["销量"] = one.pop("sold") + level
        one.loc[97:, "销量"] = np.nan
        frames.append(one)
    pd.concat(frames).to_csv("shops.csv", index=False)
    command = ["train", "forecast", "shops.csv", *QUICK, "--run", "r"]
    assert run([*command, "--id", "shop", "--target", "销量", "--known", "price"]) == 0
    capsys.readouterr()
    assert run(["predict", "forecast", "r"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert {line.split(",")[0] for line in lines[1:]} == {"北店", "南店"}
    page = Path("r/report.html").read_text(encoding="utf-8")
    assert "销量" in page


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_training_goes_on_to_the_same_bits(shop: Path, how: signal.Signals) -> None:
    command = ["train", "forecast", "shop.csv", *QUICK[1:], "--epochs=60", "--patience=60"]
    stopped_training_goes_on_to_the_same_bits([*command, "--batch-size=4"], how)
