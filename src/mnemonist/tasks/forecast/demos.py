"""Whole jobs on bundled or made series, for ``mnemonist demo``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.bundled import bundled_path
from mnemonist.errors import ConfigError
from mnemonist.evaluation.baselines import LastValue, ResidualQuantiles
from mnemonist.evaluation.results import ResultTable
from mnemonist.tasks.common.config import configured, nested
from mnemonist.tasks.common.flow import carry_out
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.job import ForecastPlan, TrainedForecast, train_network
from mnemonist.tasks.forecast.plan import plan
from mnemonist.tasks.forecast.score import Baselines, evaluate
from mnemonist.training.progress import Progress

__all__ = ["DEMOS", "Demo", "Shown", "run_demo", "sine_table"]


@dataclass(frozen=True)
class Demo:
    """A series, what is done with it, and small networks beside the main one.

    Args:
        about: a sentence or two for the person who watches.
        source: makes or finds the file, below the folder of runs.
        options: of the main training, by flat name.
        beside: further networks for the same table: name and options.
    """

    about: str
    source: Callable[[Path], Path]
    options: dict[str, Any] = field(default_factory=dict)
    beside: tuple[tuple[str, dict[str, Any]], ...] = ()


@dataclass(frozen=True)
class Shown:
    """What a demo has to show: the training, and the table with the networks beside it."""

    trained: TrainedForecast
    table: ResultTable


def sine_table(rows: int = 1000, period: float = 37.7) -> pd.DataFrame:
    """sin(x) with `period` points a period, as the first tutorials have it.

    >>> sine_table(3, period=4).round(3).to_dict("list")
    {'x': [0.0, 1.571, 3.142], 'sin(x)': [0.0, 1.0, 0.0]}
    """
    x = 2 * np.pi * np.arange(rows) / period
    return pd.DataFrame({"x": x, "sin(x)": np.sin(x)})


def _sine_file(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / "sin.csv"
    sine_table().to_csv(path, index=False, float_format="%.9f")
    return path


_TINY = {
    "cell": "elman",
    "scaling": "minmax",
    "distribution": "point",
    "head": "linear",
    "linear": False,
    "lags": (),
    "levels": (0.9,),
    "learning_rate": 0.2,
    "batch_size": 32,
    "epochs": 150,
    "patience": 150,
}

DEMOS = {
    "seasonal": Demo(
        "How much of their capacity US refineries use, by week, 2000 to 2020: the seasons of "
        "maintenance and driving, and hurricanes. Eight weeks ahead, from the year before.",
        lambda root: bundled_path("refinery"),
        {"horizon": 8},
    ),
    "sin": Demo(
        "sin(x), 37.7 points a period, one step ahead from two values, by a recurrent network "
        "of one unit: five numbers are learned.",
        _sine_file,
        {**_TINY, "time": "x", "target": "sin(x)", "horizon": 1, "window": 2, "hidden_size": 1,
         "anchor": "none", "centre": False, "time_layers": (25, 15, 5)},
    ),
    "oil": Demo(
        "US oil production by week, 2000 to 2020: twelve weeks ahead, by an LSTM that one would "
        "use and by two networks of one and two units.",
        lambda root: bundled_path("oil"),
        {"horizon": 12},
        (
            ("Elman RNN, 1 unit, window 15", {**_TINY, "window": 15, "hidden_size": 1}),
            ("Elman RNN, 2 units, window 5", {**_TINY, "window": 5, "hidden_size": 2}),
        ),
    ),
}  # fmt: skip


def run_demo(
    name: str,
    root: Path,
    *,
    announce: Callable[[Demo, ForecastPlan], None],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Shown:
    """Run a demo in `root`/demo-NAME.

    Args:
        name: one of `DEMOS`.
        root: the folder of runs.
        announce: called with the demo and its plan before training.
        overwrite: begin anew.
        progress: whom to tell.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in DEMOS:
        raise ConfigError(f"there is no demo {name!r}: there are {', '.join(DEMOS)}")
    demo = DEMOS[name]
    source = demo.source(root)

    def planned(options: dict[str, Any]) -> ForecastPlan:
        return plan(source, configured(ForecastConfig, nested(ForecastConfig, options)))

    made = planned(demo.options)
    announce(demo, made)
    trained = carry_out(made, run=root / f"demo-{name}", overwrite=overwrite, progress=progress)
    table = trained.evaluation.table
    for title, options in demo.beside:
        if progress is not None:
            progress.say(f"Training {title}")
        small = planned({**demo.options, **options})
        row = replace(_row(small), name=title)
        table = ResultTable([*table.rows, row], table.metrics, table.targets).sorted_by("MASE")
    return Shown(trained, table)


def _row(made: ForecastPlan) -> Any:
    """The result of a network without folder and baselines."""
    parts = made.resolved.parts
    network, _ = train_network(made)
    # the baselines of the main training stand in the table already
    zeros = np.zeros((1, made.resolved.layout.horizon))
    errors = [ResidualQuantiles(level).fit(zeros, zeros) for level in made.config.levels]
    nothing = Baselines([LastValue()], {LastValue.name: errors}, [])
    found = evaluate(network, nothing, made.data, parts.train, parts.test, name="network")
    return next(row for row in found.table.rows if row.kind == "network")
