"""The forecasts that every network must be compared with.

All share one interface: `fit(train)` on windows of the training part, `predict(windows)` for the
targets of any windows, (n, horizon), in the units of the data. Give them unscaled windows.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mnemonist.data.series.windows import Windows
from mnemonist.errors import ConfigError
from mnemonist.evaluation.calibration import conformal_quantile
from mnemonist.evaluation.regression import LinearAutoregression, MLPTime, MLPWindows
from mnemonist.evaluation.smoothing import ETS

__all__ = [
    "ETS",
    "Baseline",
    "Drift",
    "LastValue",
    "LinearAutoregression",
    "MLPTime",
    "MLPWindows",
    "ResidualQuantiles",
    "SeasonalNaive",
    "default_baselines",
]


@runtime_checkable
class Baseline(Protocol):
    """A forecast to be beaten."""

    @property
    def name(self) -> str:
        """As tables show it."""

    def fit(self, train: Windows) -> Any:
        """Learn from the training windows; returns itself."""

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon) forecasts for the targets of `windows`."""


class LastValue:
    """ŷ_{t+h} = y_t: nothing changes.

    >>> from mnemonist.data.series import SeriesSet
    >>> windows = Windows(SeriesSet.from_arrays(np.arange(4.0)), window=1, horizon=2)
    >>> LastValue().fit(windows).predict(windows).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """

    name = "last value"

    def fit(self, train: Windows) -> LastValue:
        """Nothing to learn."""
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        return np.repeat(windows.past_targets(np.array([0])), windows.horizon, axis=1)


class SeasonalNaive:
    """ŷ_{t+h} = y_{t+h-mk}, k = ⌈h/m⌉: the same as one season ago.

    An origin with less than a season behind it repeats the last value.

    Args:
        season: m; the season of the windows' data when None.

    >>> from mnemonist.data.series import SeriesSet
    >>> windows = Windows(SeriesSet.from_arrays(np.array([1.0, 2, 1, 2, 1, 2])), 2, 3)
    >>> SeasonalNaive(season=2).fit(windows).predict(windows).tolist()
    [[1.0, 2.0, 1.0], [2.0, 1.0, 2.0]]
    """

    def __init__(self, season: int | None = None) -> None:
        self.season = season

    @property
    def name(self) -> str:
        """With the season where it was given: a data set may have several."""
        return f"seasonal naive ({self.season})" if self.season else "seasonal naive"

    def fit(self, train: Windows) -> SeasonalNaive:
        """Nothing to learn."""
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        season = self.season or windows.season
        ahead = np.arange(1, windows.horizon + 1)
        back = season * np.ceil(ahead / season).astype(int) - ahead
        forecast = windows.past_targets(back)
        return np.where(np.isnan(forecast), windows.past_targets(np.array([0])), forecast)


class Drift:
    """ŷ_{t+h} = y_t + h (y_t - y_1) / (t - 1): the line from the first value to the last.

    >>> from mnemonist.data.series import SeriesSet
    >>> windows = Windows(SeriesSet.from_arrays(np.arange(5.0)), window=3, horizon=2)
    >>> Drift().fit(windows).predict(windows).tolist()
    [[3.0, 4.0]]
    """

    name = "drift"

    def fit(self, train: Windows) -> Drift:
        """Nothing to learn."""
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        last = windows.past_targets(np.array([0]))[:, 0]
        first = np.array([one.target[0] for one in windows.data.series])[windows.series_index]
        slope = (last - first) / np.maximum(windows.origins, 1)
        return last[:, None] + slope[:, None] * np.arange(1, windows.horizon + 1)


class ResidualQuantiles:
    """Intervals for any point forecast: it plus quantiles of its errors on the validation part.

    For each step ahead, lower and upper are the forecast plus the α/2 and 1 - α/2 quantiles of
    y - ŷ, α = 1 - level, taken outwards as split-conformal prediction does (Lei et al. 2018),
    so that they hold at least `level` where validation and test errors are exchangeable.

    >>> truth, forecast = np.arange(9.0)[:, None], np.full((9, 1), 4.0)
    >>> quantiles = ResidualQuantiles(0.8).fit(truth, forecast)
    >>> [bound.tolist() for bound in quantiles.interval(np.array([[10.0]]))]
    [[[6.0]], [[14.0]]]
    """

    def __init__(self, level: float = 0.9) -> None:
        if not 0 < level < 1:
            raise ConfigError(f"level={level}: between 0 and 1.")
        self.level = level

    def fit(self, truth: np.ndarray, forecast: np.ndarray) -> ResidualQuantiles:
        """Truth and forecast on the validation part, (n, horizon)."""
        errors = np.asarray(truth, dtype=float) - np.asarray(forecast, dtype=float)
        tail = (1 - self.level) / 2
        self.upper = conformal_quantile(errors, 1 - tail)
        self.lower = -conformal_quantile(-errors, 1 - tail)
        return self

    def interval(self, forecast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(lower, upper), each of the shape of `forecast`."""
        return forecast + self.lower, forecast + self.upper


def default_baselines(
    windows: Windows,
    *,
    windows_layers: Sequence[int] = (100,),
    time_layers: Sequence[int] = (100, 50, 25),
    seed: int = 0,
) -> tuple[list[Baseline], list[str]]:
    """The baselines for this data, and why others are left out.

    Args:
        windows: the training windows.
        windows_layers, time_layers: hidden layers of the two MLP baselines.
        seed: of the MLPs.

    >>> from mnemonist.data.series import SeriesSet
    >>> windows = Windows(SeriesSet.from_arrays(np.sin(np.arange(99.0))), window=3, horizon=2)
    >>> baselines, skipped = default_baselines(windows)
    >>> [baseline.name for baseline in baselines][:3]
    ['last value', 'drift', 'linear autoregression']
    >>> skipped[0]
    'seasonal naive: the data has no season'
    """
    found: list[Baseline] = [LastValue()]
    skipped = []
    seasons = windows.data.seasons
    if len(seasons) == 1:
        found.append(SeasonalNaive())
    elif seasons:
        found += [SeasonalNaive(season) for season in seasons]
    else:
        skipped.append("seasonal naive: the data has no season")
    found += [
        Drift(),
        LinearAutoregression(),
        MLPWindows(windows_layers, seed=seed),
        MLPTime(time_layers, seed=seed),
    ]
    if importlib.util.find_spec("statsmodels") is None:
        skipped.append("ETS: statsmodels is not installed (pip install 'mnemonist[stats]')")
    elif reason := ETS.unsuited(windows):
        skipped.append(f"ETS: {reason}")
    else:
        found.append(ETS())
    return found, skipped
