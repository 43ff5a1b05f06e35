"""Bad input: a clear paragraph, exit status 2, and nothing half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mnemonist.cli.entry import run

Refused = Callable[..., str]


def table(rows: int = 120) -> pd.DataFrame:
    values = 50 + 10 * np.sin(np.arange(rows)) + np.random.default_rng(0).normal(size=rows)
    days = pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d")
    return pd.DataFrame({"day": days, "load": np.round(values, 3)})


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """Train on a file and give back the paragraph on stderr, after what all refusals share."""
    monkeypatch.chdir(tmp_path)

    def train(content: pd.DataFrame | str | bytes, *options: str) -> str:
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        Path("in.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        assert run(["train", "forecast", "in.csv", *options]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert err.startswith("mnemonist: ")
        assert not Path("runs").exists()
        return err

    return train


def test_a_misspelt_column_gets_the_nearest_name(refused: Refused) -> None:
    assert "no column 'laod'; the nearest is 'load'" in refused(table(), "--target", "laod")


def test_cells_that_are_no_numbers_are_named_by_line(refused: Refused) -> None:
    frame = table().astype({"load": object})
    frame.loc[4, "load"], frame.loc[9, "load"] = "n/k", "broken"
    message = refused(frame, "--target", "load")
    assert "line 6" in message
    assert "n/k" in message


def test_missing_values_come_with_the_options_to_fill(refused: Refused) -> None:
    frame = table()
    frame.loc[10:12, "load"] = np.nan
    message = refused(frame)
    assert "12" in message
    for option in ("ffill", "linear", "drop"):
        assert option in message


def test_gaps_in_time_come_with_the_options_to_fill(refused: Refused) -> None:
    message = refused(table().drop(index=range(30, 33)))
    assert "2024-01-30" in message
    assert "linear" in message


def test_times_that_repeat_are_refused(refused: Refused) -> None:
    frame = pd.concat([table().iloc[:50], table().iloc[49:]])
    assert "2024-02-19" in refused(frame)


def test_times_out_of_order_are_refused(refused: Refused) -> None:
    message = refused(table().iloc[::-1])
    assert "sort" in message


def test_a_day_that_does_not_exist_is_named_by_line(refused: Refused) -> None:
    frame = table()
    frame.loc[5, "day"] = "2024-02-31"
    message = refused(frame)
    assert "line 7" in message
    assert "2024-02-31" in message


def test_a_constant_series_is_refused(refused: Refused) -> None:
    assert "constant" in refused(table().assign(load=3.0))


def test_too_few_rows_come_with_the_numbers(refused: Refused) -> None:
    message = refused(table(30), "--window", "20", "--horizon", "10")
    for number in ("30 rows", "window 20", "horizon 10"):
        assert number in message


@pytest.mark.parametrize("content", ["", "\n\n", "day,load\n"])
def test_an_empty_file_is_refused(refused: Refused, content: str) -> None:
    assert "in.csv" in refused(content)


def test_bytes_that_are_no_text_are_refused(refused: Refused) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 4000).astype(np.uint8).tobytes()
    assert "in.csv" in refused(noise)


def test_a_huge_file_is_refused_before_it_is_read(refused: Refused) -> None:
    assert "max" in refused(table(), "--max-bytes", "1000")


def test_an_unknown_cell_gets_the_nearest_name(refused: Refused) -> None:
    assert "did you mean 'lstm'" in refused(table(), "--cell", "ltsm")


def test_an_unknown_option_gets_the_nearest_name(refused: Refused) -> None:
    assert "--horizon" in refused(table(), "--horizn", "3")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("activaton", "relu"), "Did you mean 'activation'?"),
        (("bogus", "1"), "there is activation, gate_activation, chrono"),
        (("chrono", "many"), "chrono of the cell LSTM must be an integer"),
    ],
)
def test_an_option_that_the_cell_does_not_take_is_refused(
    refused: Refused, option: tuple[str, str], message: str
) -> None:
    assert message in refused(table(), f"--cell-options.{option[0]}", option[1])


def test_an_impossible_value_names_its_option(refused: Refused) -> None:
    message = refused(table(), "--dropout", "2")
    assert "dropout" in message


def test_recursion_over_covariates_of_the_past_is_refused(refused: Refused) -> None:
    frame = table().assign(wind=1.0)[["day", "wind", "load"]]
    message = refused(frame, "--strategy", "recursive", "--unknown", "wind", "--horizon", "3")
    assert "wind" in message
    assert "seq2seq" in message


def test_a_missing_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "forecast", "nowhere/at-all.csv"]) == 2
    assert "at-all.csv" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read_and_named(
    tmp_path: Path, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table(60).rename(columns={"load": "负荷", "day": "日期"})
    path = tmp_path / "负荷.csv"
    path.write_bytes(frame.to_csv(index=False).encode(encoding))
    assert run(["check", "forecast", str(path)]) == 0
    assert "负荷" in capsys.readouterr().out


def test_check_exits_with_2_on_fatal_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flat.csv"
    table().assign(load=3.0).to_csv(path, index=False)
    assert run(["check", "forecast", str(path), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["fatal"] == 1
    assert document["findings"][0]["code"] == "constant-series"


SMALL = ("--epochs=1", "--horizon=2", "--window=4", "--window-layers=2", "--time-layers=2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished")
    table().to_csv(home / "in.csv", index=False)
    assert run(["train", "forecast", str(home / "in.csv"), *SMALL, "--run", str(home / "r")]) == 0
    return home / "r"


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(finished, tmp_path / "r"))


def test_a_run_folder_of_another_version_is_refused(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["format"] = "mnemonist.run/9"
    (copied / "manifest.json").write_text(json.dumps(manifest))
    assert run(["predict", "forecast", str(copied)]) == 2
    assert "mnemonist.run/9" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model.safetensors", "preprocessing.json", "config.json"])
def test_a_damaged_file_is_named(
    copied: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / name
    path.write_bytes(path.read_bytes()[:-7])
    assert run(["predict", "forecast", str(copied)]) == 2
    assert name in capsys.readouterr().err


def test_a_folder_with_other_files_is_left_alone(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_bytes(b"cat")
    source = str(finished.parent / "in.csv")
    assert run(["train", "forecast", source, *SMALL, "--run", str(other), "--overwrite"]) == 2
    assert "cat.jpg" in capsys.readouterr().err
    assert [path.name for path in other.iterdir()] == ["cat.jpg"]


def test_a_place_that_cannot_be_written_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    source = str(finished.parent / "in.csv")
    assert run(["train", "forecast", source, *SMALL, "--run", str(blocked / "r")]) == 2
    assert str(blocked) in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    source = str(finished.parent / "in.csv")
    assert run(["train", "forecast", source, *SMALL, "--run", str(locked / "r")]) == 2
    assert "locked" in capsys.readouterr().err


def test_predict_without_the_file_it_was_trained_on_asks_for_one(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "forecast", str(copied), str(copied / "gone.csv")]) == 2
    assert "gone.csv" in capsys.readouterr().err
