"""Finished runs: their networks loaded again, with their own data or with others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mnemonist.data.series.load import Source, load_series
from mnemonist.errors import ConfigError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.programs import SavedCells
from mnemonist.tasks.common.saved import maker_of, run_of, sources_of
from mnemonist.tasks.forecast.future import forecast_table
from mnemonist.tasks.forecast.job import ForecastPlan
from mnemonist.tasks.forecast.plan import plan
from mnemonist.tasks.forecast.predictor import Predictor, load_predictor

__all__ = ["future_of", "opened"]


def opened(
    run: str | Path,
    source: Source | None = None,
    *,
    cell: str | None = None,
    trainable: bool = False,
) -> tuple[ForecastPlan, Predictor]:
    """A finished run with data: its own, or others with the same columns.

    Args:
        run: the run folder.
        source: other data; by default the file that the run was trained on.
        cell: "module:Class" of a user's own cell, where a program is not enough.
        trainable: whether the cell must be one that can be trained anew.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the data are not there or do not fit.
        ConfigError: `trainable` with a cell of the user's whose class is not given.
    """
    folder = run_of(run, "forecast")
    predictor = load_predictor(folder, cell=cell)
    config = predictor.config
    maker = maker_of(folder, config, cell)
    if trainable and isinstance(maker, SavedCells):
        raise ConfigError(
            f"training anew needs the class of the cell: give --cell {config.cell}, which runs "
            "its module"
        )
    return plan(_source_of(folder, source), config, cell=maker), predictor


def future_of(
    run: str | Path, source: Source | None = None, *, cell: str | None = None
) -> tuple[pd.DataFrame, str]:
    """The forecast beyond the end of the data, and the data's name; see `opened`."""
    folder = run_of(run, "forecast")
    predictor = load_predictor(folder, cell=cell)
    data = load_series(_source_of(folder, source), predictor.config.series)
    return forecast_table(predictor, data), data.name


def _source_of(folder: RunFolder, source: Source | None) -> Source:
    if source is not None:
        return source
    why = ": name the file whose future is asked for, behind the run folder"
    return sources_of(folder, why)[0]
