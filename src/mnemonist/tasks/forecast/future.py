"""Forecasts beyond the end of series, as arrays and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.series import SeriesSet, Windows
from mnemonist.errors import DataError
from mnemonist.tasks.forecast.predictor import Forecasts, Predictor

__all__ = ["forecast_ahead", "forecast_table"]


def forecast_ahead(predictor: Predictor, data: SeriesSet) -> tuple[Forecasts, list[Any]]:
    """The horizon after the end of each series, and its times.

    Raises:
        DataError: a series is shorter than the history that the network needs, is unknown to
            a scaler fitted per series, or lacks known covariates for the future.
    """
    layout = predictor.layout
    for one in data.series:
        if len(one) < layout.history:
            raise DataError(
                f"{data.name}: {one.label} has {len(one)} steps, and a forecast needs the last "
                f"{layout.history} (window {layout.window}, lags {list(layout.lags)})"
            )
    # the future is appended before scaling, so that its covariates are scaled like the rest
    raw = Windows.ahead(data, layout.window, layout.horizon)
    scaled = predictor.scaler.apply(raw.data)
    ranges = [(len(one) - layout.horizon, len(one)) for one in scaled.series]
    windows = Windows(scaled, layout.window, layout.horizon, ranges=ranges)
    times = [data.times_after(k, layout.horizon) for k in range(len(data.series))]
    return predictor(scaled, windows), times


def forecast_table(predictor: Predictor, data: SeriesSet) -> pd.DataFrame:
    """The forecast as a table: one row a future step, with the bounds of every interval."""
    found, times = forecast_ahead(predictor, data)
    frames = []
    for k, one in enumerate(data.series):
        columns: dict[str, Any] = {data.id_name: one.id} if data.id_name else {}
        columns[data.time_name or "step"] = np.asarray(times[k])
        columns["forecast"] = found.centre[k]
        for n, level in enumerate(found.levels):
            columns[f"lower_{level:g}"] = found.lower[n, k]
            columns[f"upper_{level:g}"] = found.upper[n, k]
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
