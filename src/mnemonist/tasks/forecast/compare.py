"""Several cells, sizes and seeds on one file: which is better, and how much is luck."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnemonist.data.series.load import Source
from mnemonist.errors import ConfigError
from mnemonist.evaluation.results import ResultTable
from mnemonist.evaluation.results import Row as ResultRow
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.naming import default_run_name
from mnemonist.runs.report import Cell, Code, Figure, Report, ReportTable, Row, Text, Verdict
from mnemonist.runs.report_figures import ACCENT, FAINT, NAIVE, SOFT, drawing, drawn
from mnemonist.tasks.common.text import digits, name_of
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.job import ForecastPlan, train_network
from mnemonist.tasks.forecast.plan import plan
from mnemonist.tasks.forecast.score import Baselines, Evaluation, evaluate, fit_baselines
from mnemonist.training.progress import Progress

__all__ = ["Candidate", "Comparison", "compare", "compare_into", "comparison_report"]


@dataclass(frozen=True)
class Candidate:
    """One cell at one size, trained from several seeds.

    Args:
        cell, hidden_size: what it is.
        parameters: how many numbers it trains.
        values: MAE, RMSE, MASE, ... by name, one value a seed.
        seconds: training time of each seed.
    """

    cell: str
    hidden_size: int
    parameters: int
    values: dict[str, list[float]]
    seconds: list[float]

    @property
    def name(self) -> str:
        return f"{self.cell} {self.hidden_size}"


@dataclass(frozen=True)
class Comparison:
    """All candidates, and the baselines that they are measured against."""

    plan: ForecastPlan
    seeds: list[int]
    candidates: list[Candidate]
    baselines: list[ResultRow]

    @property
    def table(self) -> ResultTable:
        """Means over the seeds; the note has the spread of MASE."""
        rows = [
            ResultRow(
                one.name,
                "network",
                {metric: float(np.mean(values)) for metric, values in one.values.items()},
                note=_spread(one.values["MASE"]),
            )
            for one in self.candidates
        ]
        return ResultTable([*rows, *self.baselines], ("MAE", "RMSE", "MASE", "sMAPE")).sorted_by(
            "MASE"
        )

    @property
    def verdict(self) -> str:
        """What the seeds allow to be said."""
        order = sorted(self.candidates, key=lambda one: float(np.mean(one.values["MASE"])))
        best, baseline = order[0], self.baselines[0]
        mean = float(np.mean(best.values["MASE"]))
        worst = max(best.values["MASE"])
        against = f"{baseline.name}, {baseline.values['MASE']:.3g}"
        if worst < baseline.values["MASE"]:
            start = f"{best.name} is best, MASE {mean:.3g} on average, and better than the best baseline ({against}) from every seed"
        elif mean < baseline.values["MASE"]:
            start = f"{best.name} is best on average, MASE {mean:.3g}, but not better than the best baseline ({against}) from every seed"
        else:
            return f"No network is better than the best baseline ({against}); the best of them is {best.name}, MASE {mean:.3g} on average."
        if len(order) == 1 or len(self.seeds) == 1:
            return f"{start}."
        second = order[1]
        overlap = max(best.values["MASE"]) >= min(second.values["MASE"])
        luck = (
            f"the next, {second.name}, lies within the spread of the seeds"
            if overlap
            else f"no seed of the next, {second.name}, comes near"
        )
        return f"{start}; {luck}."

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "verdict": self.verdict,
            "seeds": self.seeds,
            "table": self.table.to_dict(),
            "candidates": [vars(one) for one in self.candidates],
        }


def compare(
    source: Source,
    config: ForecastConfig,
    *,
    cells: Sequence[str],
    hidden_sizes: Sequence[int] = (),
    seeds: int = 3,
    progress: Progress | None = None,
) -> Comparison:
    """Train every cell at every size from every seed, on the same windows.

    Args:
        source: a path or a DataFrame.
        config: of everything else.
        cells: by name, or module:Class.
        hidden_sizes: of `config` if none are given.
        seeds: how many, counted up from the configuration's.
        progress: whom to tell.

    Raises:
        ConfigError: no cell or no seed.
    """
    if not cells or seeds < 1:
        raise ConfigError("a comparison needs at least one cell and one seed")
    baselines: Baselines | None = None
    candidates, rows, made = [], [], None
    first = config.training.seed
    for cell in cells:
        for size in hidden_sizes or (config.hidden_size,):
            found: list[tuple[Evaluation, float]] = []
            for seed in range(first, first + seeds):
                training = config.training.model_copy(update={"seed": seed})
                update = {"cell": cell, "hidden_size": size, "training": training}
                made = plan(source, config.model_copy(update=update))
                parts = made.resolved.parts
                if baselines is None:
                    baselines = fit_baselines(
                        made.config, made.resolved.layout, made.data, parts.train, parts.valid
                    )
                if progress is not None:
                    progress.say(f"{cell}, {size} units, seed {seed}")
                network, history = train_network(made, progress=progress)
                result = evaluate(
                    network,
                    baselines,
                    made.data,
                    parts.train,
                    parts.test,
                    name=name_of(made.config),
                )
                found.append((result, history.seconds))
            assert made is not None
            candidates.append(_candidate(made, found))
            rows = [row for row in found[0][0].table.rows if row.kind == "baseline"]
    assert made is not None
    return Comparison(made, list(range(first, first + seeds)), candidates, rows)


def compare_into(
    source: Source,
    config: ForecastConfig,
    *,
    cells: Sequence[str],
    hidden_sizes: Sequence[int] = (),
    seeds: int = 3,
    run: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Path]:
    """`compare`, kept in a folder: the results as JSON values, and the path of the report.

    A comparison that is finished there is read and not made again.
    """
    made = plan(source, config.model_copy(update={"cell": cells[0]}))
    asked = {
        "cells": list(cells),
        "hidden_sizes": list(hidden_sizes or (config.hidden_size,)),
        "seeds": seeds,
        **made.config.model_dump(mode="json", exclude={"cell", "hidden_size"}),
    }
    name = default_run_name("compare", made.data.name, asked)
    folder = RunFolder.open(
        run or name,
        job="compare",
        config=asked,
        data_fingerprint=made.data.fingerprint(),
        overwrite=overwrite,
    )
    with folder:
        path = folder.path / "report.html"
        if folder.finished:
            return folder.load_json("results.json"), path
        found = compare(
            source,
            config,
            cells=cells,
            hidden_sizes=hidden_sizes,
            seeds=seeds,
            progress=progress,
        )
        sizes = [word for size in asked["hidden_sizes"] for word in ("--hidden-sizes", str(size))]
        words = ["mnemonist", "compare", "forecast", made.data.name, "--cells", *cells, *sizes]
        report = comparison_report(found, shlex.join([*words, "--seeds", str(seeds)]))
        folder.save_json("results.json", found.to_dict())
        folder.save_text("report.html", report.html())
        folder.finish()
        return folder.load_json("results.json"), path


def comparison_report(found: Comparison, words: str) -> Report:
    """The comparison as a report.

    Args:
        found: the comparison.
        words: the command that made it.
    """
    data = found.plan.data
    report = Report(
        f"{data.target_name}: cells compared", kind=f"Comparison on {Path(data.name).name}"
    )
    better = "better than the best baseline" in found.verdict and "not better" not in found.verdict
    report.top(Verdict(found.verdict, tone="good" if better else "even"))
    section = report.section("Every seed")
    section.add(
        Figure(
            drawn(_figure, found),
            "MASE of every seed, by cell and size, beside the best baseline",
            f"Each point is one of {len(found.seeds)} seeds: the same data and settings, other "
            "initial weights and order. The line is the mean.",
        )
    )
    best = min(float(np.mean(one.values["MASE"])) for one in found.candidates)
    rows = [
        Row(
            [
                one.name,
                f"{one.parameters:,}",
                Cell(_mean(one.values["MASE"]), best=float(np.mean(one.values["MASE"])) == best),
                digits(min(one.values["MASE"])),
                digits(max(one.values["MASE"])),
                _mean(one.values["MAE"]),
                _mean(one.values["RMSE"]),
                f"{np.mean(one.seconds):.1f} s",
            ],
            ours=True,
        )
        for one in sorted(found.candidates, key=lambda one: float(np.mean(one.values["MASE"])))
    ]
    rows += [
        Row(
            [
                row.name,
                "",
                digits(row.values["MASE"]),
                "",
                "",
                *(digits(row.values[m]) for m in ("MAE", "RMSE")),
                "",
            ]
        )
        for row in found.baselines
    ]
    columns = ["", "parameters", "MASE", "best seed", "worst seed", "MAE", "RMSE", "training"]
    section.add(ReportTable(columns, rows, "Means over the seeds, on the test part."))
    report.section("Again").add(Text("The same comparison:"), Code(words))
    return report


def _candidate(made: ForecastPlan, found: list[tuple[Evaluation, float]]) -> Candidate:
    ours = [next(row for row in result.table.rows if row.kind == "network") for result, _ in found]
    return Candidate(
        made.config.cell,
        made.config.hidden_size,
        made.parameters,
        {metric: [row.values[metric] for row in ours] for metric in ours[0].values},
        [seconds for _, seconds in found],
    )


def _figure(found: Comparison) -> str:
    order = sorted(found.candidates, key=lambda one: -float(np.mean(one.values["MASE"])))
    with drawing("comparison", height=0.9 + 0.42 * len(order)) as d:
        ax = d.axes()
        for y, one in enumerate(order):
            values = one.values["MASE"]
            ax.plot([min(values), max(values)], [y, y], color=FAINT, lw=1)
            ax.plot(values, [y] * len(values), "o", color=ACCENT, ms=5, alpha=0.7)
            ax.plot([np.mean(values)] * 2, [y - 0.25, y + 0.25], color=ACCENT, lw=2)
        best = found.baselines[0]
        ax.axvline(best.values["MASE"], color=NAIVE, lw=1.2, ls=(0, (4, 2)))
        ax.annotate(
            best.name,
            (best.values["MASE"], 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=SOFT,
        )
        ax.set_yticks(range(len(order)), [one.name for one in order])
        ax.set_ylim(-0.6, len(order) - 0.4)
        ax.grid(True, axis="x")
        ax.grid(False, axis="y")
        ax.set_xlabel("MASE, smaller is better")
    return d.svg


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return "1 seed"
    return f"{len(values)} seeds, {digits(min(values))} to {digits(max(values))}"


def _mean(values: list[float]) -> str:
    return digits(float(np.mean(values)))
