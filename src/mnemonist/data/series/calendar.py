"""Calendar covariates: known for every future step because they follow from its time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mnemonist.data.series.config import CalendarFeature

__all__ = ["calendar_features", "calendar_names"]


def calendar_names(features: Sequence[CalendarFeature]) -> list[str]:
    """The covariates' names: two for each feature.

    >>> calendar_names(["hour"])
    ['hour_sin', 'hour_cos']
    """
    return [f"{feature}_{wave}" for feature in features for wave in ("sin", "cos")]


def calendar_features(times: pd.DatetimeIndex, features: Sequence[CalendarFeature]) -> np.ndarray:
    """sin(2π φ) and cos(2π φ), φ the fraction of the day, week, or year that has passed.

    Args:
        times: (N,).
        features: of "hour" (of the day), "weekday" (of the week, by day), "month" (of the
            year, by month), "yearday" (of the year, by day).

    Returns:
        (N, 2 · features), ordered as `calendar_names` says.

    >>> noon = pd.DatetimeIndex(["2020-01-01 12:00"])
    >>> calendar_features(noon, ["hour"]).round(3).tolist()
    [[0.0, -1.0]]
    """
    columns = []
    for feature in features:
        if feature == "hour":
            phase = (times.hour * 60 + times.minute) / 1440
        elif feature == "weekday":
            phase = times.day_of_week / 7
        elif feature == "month":
            phase = (times.month - 1) / 12
        else:
            phase = (times.day_of_year - 1) / 365.25
        angle = 2 * np.pi * np.asarray(phase, dtype=float)
        columns += [np.sin(angle), np.cos(angle)]
    return np.stack(columns, axis=1) if columns else np.empty((len(times), 0))
