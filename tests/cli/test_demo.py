"""The demos: each prints the executor, the table, the verdict, the report and the next command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnemonist.cli.entry import run
from mnemonist.tasks.forecast import demos


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demos with fewer epochs and small baselines, in an empty folder."""
    short = {"epochs": 2, "patience": 2, "window_layers": (2,), "time_layers": (2,)}
    for name, demo in demos.DEMOS.items():
        beside = tuple((title, {**options, **short}) for title, options in demo.beside)
        faster = demos.Demo(demo.about, demo.source, {**demo.options, **short}, beside)
        monkeypatch.setitem(demos.DEMOS, name, faster)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["seasonal", "sin", "oil"])
def test_a_demo_shows_what_it_did_and_what_to_do_next(
    quick: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", *([name] if name != "seasonal" else [])]) == 0
    out = capsys.readouterr().out
    report = f"report     runs/demo-{name}/report.html"
    for said in ("executor   ", "linear autoregression", "network", report, "next       "):
        assert said in out
    assert "mnemonist train forecast YOUR.csv" in out
    assert (quick / f"runs/demo-{name}/report.html").is_file()


def test_the_oil_demo_has_the_small_networks_of_the_tutorials(
    quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "oil", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["table"]
    names = {row["name"] for row in table["rows"] if row["kind"] == "network"}
    assert names == {
        "LSTM",
        "Elman RNN, 1 unit, window 15",
        "Elman RNN, 2 units, window 5",
    }


def test_the_sin_demo_trains_five_numbers(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "sin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 5


def test_an_unknown_demo_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "sine"]) == 2
    assert "seasonal, sin, oil" in capsys.readouterr().err
