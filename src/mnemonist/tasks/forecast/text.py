"""Words about a forecaster that its report and the command line share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mnemonist.tasks.common.text import count, executor_line, layers_of, training_line

if TYPE_CHECKING:
    from mnemonist.tasks.forecast.job import ForecastPlan

__all__ = ["header", "next_commands", "strategy_sentence"]


def next_commands(made: ForecastPlan, run: Path | None) -> list[str]:
    """What one might do after a training."""
    path, source = str(run or "RUN"), str(made.data.name)
    other = "gru" if made.config.cell != "gru" else "lstm"
    return [
        shlex.join(["mnemonist", "predict", "forecast", path]),
        shlex.join(["mnemonist", "eval", "forecast", path, "--backtest", "4"]),
        shlex.join(
            ["mnemonist", "compare", "forecast", source, "--cells", made.config.cell, other]
        ),
    ]


def header(made: ForecastPlan) -> list[tuple[str, str]]:
    """What the user is told before training begins."""
    data, layout, config = made.data, made.resolved.layout, made.config
    span = f"{len(data):,} steps" + (
        f" in {len(data.series)} series" if len(data.series) > 1 else ""
    )
    chosen = _remarks(made)
    season = f"season {data.season}" if data.season else "no season"
    return [
        ("data", f"{data.name}: {span}, {data.frequency or 'rows counted'}, {season}"),
        ("target", f"{data.target_name}{chosen['target']}"),
        ("horizon", f"{count(layout.horizon, 'step')}{chosen['horizon']}"),
        ("window", f"{count(layout.window, 'step')}{chosen['window']}"),
        ("network", f"{strategy_sentence(made)}, {made.parameters:,} parameters"),
        ("parts", made.resolved.parts.describe()),
        ("training", training_line(config.training)),
        ("executor", executor_line(made.explanation)),
    ]


def strategy_sentence(made: ForecastPlan) -> str:
    """The network in a line."""
    config, layout = made.config, made.resolved.layout
    way = {"direct": f"direct, {config.head} head"}.get(config.strategy, config.strategy)
    parts = [layers_of(config), way, config.distribution]
    if config.linear:
        parts.append("a linear path beside it")
    if layout.anchor != "none":
        parts.append(
            {"last": "correcting the last value", "season": "correcting last season"}[layout.anchor]
        )
    return ", ".join(parts)


def _remarks(made: ForecastPlan) -> dict[str, str]:
    """Behind each choice, why, where the data made it."""
    said = [f.message for f in made.findings if f.code == "note"]
    remarks = {}
    for what in ("target", "horizon", "window"):
        note = next((line for line in said if line.startswith(f"{what}: ")), "")
        reason = ", ".join(note.split(", ")[1:])
        if what == "target" and note:
            reason = "the last numeric column"
        remarks[what] = f" ({reason})" if reason else ""
    return remarks
