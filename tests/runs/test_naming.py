"""The same command means the same folder, and another one another."""

from __future__ import annotations

import re

import pandas as pd

from mnemonist.runs import default_run_name

CONFIG = {"cell": "lstm", "horizon": 12}


def test_names_tell_job_source_and_cell():
    name = default_run_name("forecast", "data/well.csv", CONFIG)
    assert re.fullmatch(r"runs/forecast-well-lstm-[0-9a-f]{8}", name.as_posix())
    assert name == default_run_name("forecast", "data/well.csv", dict(reversed(CONFIG.items())))
    nested = default_run_name("forecast", "well.csv", {"model": {"cell": "gru"}})
    assert "well-gru-" in nested.name


def test_any_difference_gives_another_name():
    names = {
        default_run_name("forecast", "well.csv", CONFIG),
        default_run_name("forecast", "other/well.csv", CONFIG),
        default_run_name("forecast", "well.csv", {**CONFIG, "horizon": 13}),
        default_run_name("classify", "well.csv", CONFIG),
    }
    assert len(names) == 4


def test_tables_and_odd_file_names():
    assert "-table-" in default_run_name("forecast", pd.DataFrame(), CONFIG).name
    assert "-油井-1-" in default_run_name("forecast", "/tmp/油井 #1.csv", CONFIG).name
    odd = default_run_name("forecast", "../" * 3 + "a/" + "x" * 300 + ".csv", CONFIG)
    assert odd.parent.as_posix() == "runs"
    assert len(odd.name) < 80
