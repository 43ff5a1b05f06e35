"""Words and numbers that the report, the command line and the demos share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.tasks.forecast.config import ForecastConfig, configured

if TYPE_CHECKING:
    from mnemonist.tasks.forecast.plan import Plan

__all__ = ["command", "digits", "header", "next_commands", "options_of", "strategy_sentence"]


def digits(value: float) -> str:
    """Three significant digits; whole numbers in full.

    >>> digits(0.012345), digits(12.345), digits(123456.7)
    ('0.0123', '12.3', '123,457')
    """
    if value == 0 or value != value:
        return "0" if value == 0 else "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2e}" if abs(value) < 1e-4 else f"{value:#.3g}".rstrip(".")


def options_of(config: ForecastConfig) -> dict[str, Any]:
    """The flat options in which a configuration differs from the default."""
    default = configured().model_dump(mode="json")
    found: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json").items():
        inner = value if name in ("series", "training") else {name: value}
        usual = default[name] if name in ("series", "training") else default
        for key, one in inner.items():
            if isinstance(one, dict) and key == "teacher_forcing":
                changed = {k: v for k, v in one.items() if v != usual[key][k]}
                found |= {f"{key}.{k}": v for k, v in changed.items()}
            elif one != usual[key]:
                found[key] = one
    return found


def command(made: Plan, run: Path | None) -> str:
    """The command that makes this run again."""
    words = ["mnemonist", "train", "forecast", str(made.data.name)]
    for name, value in options_of(made.config).items():
        words += _flag(name, value)
    if run is not None:
        words += ["--run", f"{run}-again"]
    return shlex.join(words)


def next_commands(made: Plan, run: Path | None) -> list[str]:
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


def header(made: Plan) -> list[tuple[str, str]]:
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
        ("horizon", f"{_steps(layout.horizon)}{chosen['horizon']}"),
        ("window", f"{_steps(layout.window)}{chosen['window']}"),
        ("network", f"{strategy_sentence(made)}, {made.parameters:,} parameters"),
        ("parts", made.resolved.parts.describe()),
        ("training", _training(config)),
        ("executor", _executor(made)),
    ]


def strategy_sentence(made: Plan) -> str:
    """The network in a line."""
    config, layout = made.config, made.resolved.layout
    layers = f"{config.num_layers} layers of " if config.num_layers > 1 else ""
    units = f"{config.cell} unit{'s' if config.hidden_size > 1 else ''}"
    way = {"direct": f"direct, {config.head} head"}.get(config.strategy, config.strategy)
    parts = [f"{layers}{config.hidden_size} {units}", way, config.distribution]
    if config.linear:
        parts.append("a linear path beside it")
    if layout.anchor != "none":
        parts.append(
            {"last": "correcting the last value", "season": "correcting last season"}[layout.anchor]
        )
    return ", ".join(parts)


def _steps(count: int) -> str:
    return f"{count} step{'s' if count > 1 else ''}"


def _training(config: ForecastConfig) -> str:
    loop = config.training
    patience = f", patience {loop.patience}" if loop.patience else ""
    return (
        f"at most {loop.epochs} epochs{patience}, {loop.optimizer} at {loop.learning_rate:g}, "
        f"batches of {loop.batch_size}, seed {loop.seed}"
    )


def _executor(made: Plan) -> str:
    import torch

    # the compiled engine could run any cell; where it does not, the reason is of interest
    why_not = made.explanation.passed_over.get("native")
    threads = torch.get_num_threads()
    ran = f"{made.explanation.executor}, {threads} thread{'s' if threads > 1 else ''}"
    return ran + (f" (not native: {why_not})" if why_not else "")


def _remarks(made: Plan) -> dict[str, str]:
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


def _flag(name: str, value: Any) -> list[str]:
    option = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if isinstance(value, list):
        return [word for one in value for word in (option, str(one))]
    if isinstance(value, dict):
        return [word for key, one in value.items() for word in (f"{option}.{key}", str(one))]
    return [] if value is None else [option, str(value)]
