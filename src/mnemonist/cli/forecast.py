"""``mnemonist check | train | eval | predict | compare forecast``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from mnemonist.cli.jobs import (
    File,
    config_of,
    report_findings,
    show_comparison,
    show_evaluation,
    show_training,
)
from mnemonist.cli.options import flags, with_options
from mnemonist.cli.output import Output
from mnemonist.tasks.forecast.config import ForecastConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check", "compare", "evaluate", "predict", "train"]

DEFAULTS = ForecastConfig()
Options = flags(
    "Options",
    {"Data": DEFAULTS.series, "Network": DEFAULTS, "Training": DEFAULTS.training},
    leave_out={"format", "job", "series", "training"},
)


@with_options(Options)
def check(
    source: str,
    /,
    *,
    config: File = None,
    json: bool = False,
    options: BaseModel | None = None,
) -> int:
    """Look a file over: gaps, text among numbers, unsorted times, too few rows.

    Args:
        source: a CSV, TSV or Parquet file.
        config: a TOML file with options; those on the command line go over it.
        json: print the findings as one JSON object.
    """
    from mnemonist.tasks.forecast.plan import check as look

    found = look(source, config_of(ForecastConfig, config, options))
    return report_findings(source, found, Output(json))


@with_options(Options)
def train(
    source: str,
    /,
    *,
    run: Path | None = None,
    config: File = None,
    overwrite: bool = False,
    json: bool = False,
    options: BaseModel | None = None,
) -> None:
    """Train a network on a file, measure it beside the baselines, write the report.

    Only the file is needed. The same command goes on with a training that was interrupted,
    and prints the report of one that is finished.

    Args:
        source: a CSV, TSV or Parquet file.
        run: the run folder; runs/ and a name from file, cell and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the run folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.forecast.plan import plan

    made = plan(source, config_of(ForecastConfig, config, options))
    show_training(made, Output(json), run=run, overwrite=overwrite)


def evaluate(
    run: Path,
    source: str | None = None,
    /,
    *,
    backtest: int = 0,
    refit: bool = False,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Measure a trained network beside the baselines, on its test part or on another file.

    Args:
        run: the run folder.
        source: another file with the same columns; by default the one it was trained on.
        backtest: cut the test part into this many pieces and show each (rolling origin).
        refit: train anew on everything before each piece.
        cell: module:Class of your own cell, where refit or a cell without a program needs it.
        json: print the results as one JSON object.
    """
    from mnemonist.errors import ConfigError
    from mnemonist.tasks.forecast.backtest import backtest as roll
    from mnemonist.tasks.forecast.saved import opened

    if refit and not backtest:
        raise ConfigError("--refit trains anew for every piece of a backtest: give --backtest 4")
    output = Output(json)
    made, predictor = opened(run, source, cell=cell, trainable=refit)
    if not backtest:
        show_evaluation(run, made.data.name, made.evaluation_of(predictor), output)
        return
    rolled = roll(made, predictor, backtest, refit=refit, progress=output.progress())
    output.data({"run": str(run), "source": made.data.name, **rolled.to_dict()})
    for k, fold in enumerate(rolled.folds, 1):
        output.line(f"Piece {k} of {backtest}, {len(fold.truth):,} forecasts. {fold.verdict}")
    output.line("")
    output.table(rolled.table)


def predict(
    run: Path,
    source: str | None = None,
    /,
    *,
    out: Path | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Forecast beyond the end of a file, with intervals.

    Args:
        run: the run folder.
        source: a file with the same columns; by default the one it was trained on.
        out: write a CSV file instead of printing.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.tasks.forecast.saved import future_of

    table, name = future_of(run, source, cell=cell)
    output = Output(json)
    rows = table.astype(object).where(table.notna(), None)
    times = [c for c in table if str(table[c].dtype).startswith("datetime")]
    for column in times:
        rows[column] = table[column].map(lambda time: time.isoformat())
    output.data({"run": str(run), "source": name, "forecast": rows.to_dict("records")})
    if out is not None:
        from mnemonist.runs.files import write_atomically

        write_atomically(out, table.to_csv(index=False).encode())
        output.line(f"{len(table)} rows written to {out}")
    elif sys.stdout.isatty():
        output.line(table.to_string(index=False, float_format=lambda v: f"{v:.6g}"))
    else:
        output.line(table.to_csv(index=False).rstrip("\n"))


@with_options(Options)
def compare(
    source: str,
    /,
    *,
    cells: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    hidden_sizes: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    seeds: int = 3,
    run: Path | None = None,
    config: File = None,
    overwrite: bool = False,
    json: bool = False,
    options: BaseModel | None = None,
) -> None:
    """Train several cells at several sizes from several seeds; show what is luck.

    Args:
        source: a CSV, TSV or Parquet file.
        cells: the cells, by name or module:Class; lstm, gru and elman by default.
        hidden_sizes: their sizes; that of the configuration by default.
        seeds: how many seeds each.
        run: the folder of the report; runs/ and a name from file and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.forecast.plan import plan

    show_comparison(
        "forecast",
        lambda asked: plan(source, asked),
        config_of(ForecastConfig, config, options),
        Output(json),
        cells=cells,
        hidden_sizes=hidden_sizes,
        seeds=seeds,
        run=run,
        overwrite=overwrite,
    )
