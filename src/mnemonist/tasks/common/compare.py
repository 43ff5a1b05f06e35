"""Several cells, sizes and seeds on the same data: which is better, and how much is luck."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mnemonist.errors import ConfigError
from mnemonist.evaluation.results import ResultTable
from mnemonist.evaluation.results import Row as ResultRow
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.naming import default_run_name
from mnemonist.runs.report import Cell, Code, Figure, Report, ReportTable, Row, Text, Verdict
from mnemonist.runs.report_figures import ACCENT, FAINT, NAIVE, SOFT, drawing, drawn
from mnemonist.tasks.common.config import NetworkConfig
from mnemonist.tasks.common.flow import Plan
from mnemonist.tasks.common.report import FOOTER, network_row
from mnemonist.tasks.common.text import digits
from mnemonist.training.progress import Progress, Silent

__all__ = ["Candidate", "Comparison", "compare", "compare_into", "comparison_report"]

C = TypeVar("C", bound=NetworkConfig)
Planner = Callable[[Any], Plan[Any, Any]]
"""Makes a plan of a configuration."""


@dataclass(frozen=True)
class Candidate:
    """One cell at one size, trained from several seeds.

    Args:
        cell, hidden_size: what it is.
        parameters: how many numbers it trains.
        values: the measures by name, one value a seed.
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

    def mean(self, metric: str) -> float:
        """Over the seeds."""
        return float(np.mean(self.values[metric]))


@dataclass(frozen=True)
class Comparison:
    """All candidates, and the baselines that they are measured against.

    Args:
        metric: the measure that decides.
        seeds: of every candidate.
        candidates: the best first.
        table: means over the seeds beside the baselines; the note has the spread.
    """

    metric: str
    seeds: list[int]
    candidates: list[Candidate]
    table: ResultTable

    @property
    def sign(self) -> int:
        """-1 where larger is better."""
        return -1 if self.metric in self.table.higher else 1

    @property
    def verdict(self) -> str:
        """What the seeds allow to be said."""
        sign, metric = self.sign, self.metric
        best = self.candidates[0]
        baseline = self.table.best(metric, "baseline")
        assert baseline is not None
        bound, mean = sign * baseline.values[metric], sign * best.mean(metric)
        worst = max(sign * value for value in best.values[metric])
        found = f"{metric} {digits(best.mean(metric))}"
        against = f"the best baseline ({baseline.name}, {digits(baseline.values[metric])})"
        if worst < bound:
            start = f"{best.name} is best, {found} on average, and better than {against} from every seed"
        elif mean < bound:
            start = f"{best.name} is best on average, {found}, but not better than {against} from every seed"
        else:
            return f"No network is better than {against}; the best of them is {best.name}, {found} on average."
        if len(self.candidates) == 1 or len(self.seeds) == 1:
            return f"{start}."
        second = self.candidates[1]
        overlap = worst >= min(sign * value for value in second.values[metric])
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
            "metric": self.metric,
            "seeds": self.seeds,
            "table": self.table.to_dict(),
            "candidates": [vars(one) for one in self.candidates],
        }


def compare(
    planned: Planner,
    config: NetworkConfig,
    *,
    cells: Sequence[str],
    hidden_sizes: Sequence[int] = (),
    seeds: int = 3,
    progress: Progress | None = None,
) -> Comparison:
    """Train every cell at every size from every seed, on the same parts of the data.

    Args:
        planned: the plan of a configuration.
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
    progress = progress or Silent()
    loop = config.training
    counted = list(range(loop.seed, loop.seed + seeds))
    baselines: Any = None
    table: ResultTable | None = None
    candidates = []
    for cell in cells:
        for size in hidden_sizes or (config.hidden_size,):
            values: dict[str, list[float]] = {}
            seconds = []
            for seed in counted:
                training = loop.model_copy(update={"seed": seed})
                update = {"cell": cell, "hidden_size": size, "training": training}
                made = planned(config.model_copy(update=update))
                if table is None:
                    baselines = made.baselines(progress)
                progress.say(f"{cell}, {size} units, seed {seed}")
                network, history = made.learn(None, progress)
                table = made.measure(network, baselines).table
                for name, value in network_row(table).values.items():
                    values.setdefault(name, []).append(value)
                seconds.append(history.seconds)
            candidates.append(Candidate(cell, size, made.parameters, values, seconds))
    assert table is not None
    sign = -1 if made.metric in table.higher else 1
    candidates.sort(key=lambda one: sign * one.mean(made.metric))
    return Comparison(made.metric, counted, candidates, _joined(table, candidates, made.metric))


def compare_into(
    job: str,
    planned: Planner,
    config: C,
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
    made = planned(config.model_copy(update={"cell": cells[0]}))
    asked = {
        "cells": list(cells),
        "hidden_sizes": list(hidden_sizes or (config.hidden_size,)),
        "seeds": seeds,
        **made.config.model_dump(mode="json", exclude={"cell", "hidden_size"}),
    }
    folder = RunFolder.open(
        run or default_run_name("compare", made.source_name, asked),
        job="compare",
        config=asked,
        data_fingerprint=made.fingerprint(),
        overwrite=overwrite,
    )
    with folder:
        path = folder.path / "report.html"
        if not folder.finished:
            found = compare(
                planned,
                config,
                cells=cells,
                hidden_sizes=hidden_sizes,
                seeds=seeds,
                progress=progress,
            )
            words = ["mnemonist", "compare", job, made.source_name, "--cells", *cells]
            words += [w for size in asked["hidden_sizes"] for w in ("--hidden-sizes", str(size))]
            command = shlex.join([*words, "--seeds", str(seeds)])
            folder.save_json("results.json", found.to_dict())
            folder.save_text(
                "report.html", comparison_report(found, made.source_name, command).html()
            )
            folder.finish()
        return folder.load_json("results.json"), path


def comparison_report(found: Comparison, source: str, words: str) -> Report:
    """The comparison as a report.

    Args:
        found: the comparison.
        source: what the data are called.
        words: the command that made it.
    """
    metric, name = found.metric, Path(source).name
    report = Report(f"{name}: cells compared", kind=f"Comparison on {name}", footer=FOOTER)
    report.top(
        Verdict(found.verdict, tone="good" if " and better than " in found.verdict else "even")
    )
    section = report.section("Every seed")
    section.add(
        Figure(
            drawn(_figure, found),
            f"{metric} of every seed, by cell and size, beside the best baseline",
            f"Each point is one of {len(found.seeds)} seeds: the same data and settings, other "
            "initial weights and order. The line is the mean.",
        )
    )
    others = [one for one in found.table.metrics if one != metric]
    rows = []
    for k, one in enumerate(found.candidates):
        values = sorted(found.sign * value for value in one.values[metric])
        cells: list[Cell | str] = [
            one.name,
            f"{one.parameters:,}",
            Cell(digits(one.mean(metric)), best=k == 0),
            *(digits(found.sign * values[place]) for place in (0, -1)),
            *(digits(one.mean(other)) if other in one.values else "–" for other in others),
            f"{np.mean(one.seconds):.1f} s",
        ]
        rows.append(Row(cells, ours=True))
    for row in found.table.rows:
        if row.kind == "baseline":
            shown = [digits(row.values.get(one, float("nan"))) for one in others]
            rows.append(Row([row.name, "", digits(row.values[metric]), "", "", *shown, ""]))
    columns = ["", "parameters", metric, "best seed", "worst seed", *others, "training"]
    section.add(ReportTable(columns, rows, "Means over the seeds, on the test part."))
    report.section("Again").add(Text("The same comparison:"), Code(words))
    return report


def _joined(table: ResultTable, candidates: Sequence[Candidate], metric: str) -> ResultTable:
    """The candidates in the network's place."""
    rows = [
        ResultRow(
            one.name,
            "network",
            {name: one.mean(name) for name in one.values},
            note=_spread(one.values[metric]),
        )
        for one in candidates
    ]
    rows += [row for row in table.rows if row.kind == "baseline"]
    joined = ResultTable(rows, table.metrics, table.targets, higher=table.higher)
    return joined.sorted_by(metric)


def _figure(found: Comparison) -> str:
    order, metric = found.candidates[::-1], found.metric
    with drawing("comparison", height=0.9 + 0.42 * len(order)) as d:
        ax = d.axes()
        for y, one in enumerate(order):
            values = one.values[metric]
            ax.plot([min(values), max(values)], [y, y], color=FAINT, lw=1)
            ax.plot(values, [y] * len(values), "o", color=ACCENT, ms=5, alpha=0.7)
            ax.plot([np.mean(values)] * 2, [y - 0.25, y + 0.25], color=ACCENT, lw=2)
        best = found.table.best(metric, "baseline")
        assert best is not None
        ax.axvline(best.values[metric], color=NAIVE, lw=1.2, ls=(0, (4, 2)))
        ax.annotate(
            best.name,
            (best.values[metric], 1),
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
        ax.set_xlabel(f"{metric}, {'larger' if found.sign < 0 else 'smaller'} is better")
    return d.svg


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return "1 seed"
    return f"{len(values)} seeds, {digits(min(values))} to {digits(max(values))}"
