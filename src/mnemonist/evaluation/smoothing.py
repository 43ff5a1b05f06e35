"""Exponential smoothing (ETS) as a baseline, fitted by statsmodels and run at every origin."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mnemonist.data.series.windows import Windows
from mnemonist.errors import ConfigError, MissingExtraError

__all__ = ["ETS"]

_MAX_SEASON = 60
_MAX_SERIES = 20


@dataclass(frozen=True)
class _Smoother:
    """Additive Holt-Winters with damped trend: smoothing weights and the state at the start."""

    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    trend: float
    seasonal: np.ndarray

    def forecasts(self, values: np.ndarray, horizon: int) -> np.ndarray:
        """(N, horizon): the forecast after each of the N values.

        ŷ_{t+h} = l_t + (φ + ... + φ^h) b_t + s_{t+h-m⌈h/m⌉}
        """
        level, trend, season = self.level, self.trend, self.seasonal.copy()
        period = len(season)
        damped = np.cumsum(self.phi ** np.arange(1, horizon + 1))
        ahead = np.arange(horizon)
        out = np.empty((len(values), horizon))
        for t, value in enumerate(values):
            at, expected = t % period, level + self.phi * trend
            new = self.alpha * (value - season[at]) + (1 - self.alpha) * expected
            trend = self.beta * (new - level) + (1 - self.beta) * self.phi * trend
            season[at] = self.gamma * (value - expected) + (1 - self.gamma) * season[at]
            level = new
            out[t] = level + damped * trend + season[(t + 1 + ahead) % period]
        return out


class ETS:
    """Additive Holt-Winters with damped trend, and a season where the data has one.

    The smoothing weights come from statsmodels on the training part (its last `max_steps`
    steps, which bounds the cost); then the recursion runs over the whole series with these
    weights, so each origin is forecast from everything before it. Holt 1957, Winters 1960,
    Gardner & McKenzie 1985 (damping).

    Raises:
        MissingExtraError: in `fit`, where statsmodels is not installed.
    """

    name = "ETS"

    def __init__(self, season: int | None = None, *, max_steps: int = 2000) -> None:
        self.season, self.max_steps = season, max_steps

    @staticmethod
    def unsuited(windows: Windows) -> str | None:
        """Why ETS would cost too much here, or has too little data; None where it is fine."""
        if windows.season > _MAX_SEASON:
            return f"season {windows.season} is longer than {_MAX_SEASON}"
        if len(windows.data.series) > _MAX_SERIES:
            return f"{len(windows.data.series)} series are more than {_MAX_SERIES}"
        shortest = min(stop - start for start, stop in windows.ranges)
        needed = max(2 * windows.season, 10)
        if shortest < needed:
            return f"a training part of {shortest} steps is shorter than {needed}"
        return None

    def fit(self, train: Windows) -> ETS:
        """Fit the weights of each series on its training part."""
        season = self.season or train.season
        self._smoothers = []
        for one, (start, stop) in zip(train.data.series, train.ranges, strict=True):
            first = max(start, stop - self.max_steps)
            if season > 1:
                # The season's places are counted from the start of the series.
                first -= first % season
            self._smoothers.append((_fit(one.target[first:stop], season), first))
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon); NaN never: origins before the first fitted step repeat the last value."""
        if len(self._smoothers) != len(windows.data.series):
            raise ConfigError(
                f"ETS was fitted on {len(self._smoothers)} series and is asked about "
                f"{len(windows.data.series)}; they must be the same series."
            )
        forecast = np.repeat(windows.past_targets(np.array([0])), windows.horizon, axis=1)
        for k, (smoother, first) in enumerate(self._smoothers):
            mine = np.flatnonzero((windows.series_index == k) & (windows.origins >= first))
            if len(mine):
                origins = windows.origins[mine]
                values = windows.data.series[k].target[first : origins.max() + 1]
                forecast[mine] = smoother.forecasts(values, windows.horizon)[origins - first]
        return forecast


def _fit(values: np.ndarray, season: int) -> _Smoother:
    try:
        from statsmodels.tsa.holtwinters import ExponentialSmoothing
    except ImportError as error:
        raise MissingExtraError("ETS baselines", package="statsmodels", extra="stats") from error
    seasonal = season > 1
    with warnings.catch_warnings():
        # Its optimiser warns where it stops early; the weights are usable all the same.
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(
            values,
            trend="add",
            damped_trend=True,
            seasonal="add" if seasonal else None,
            seasonal_periods=season if seasonal else None,
            initialization_method="heuristic",
        )
        params = model.fit(optimized=True).params
    return _Smoother(
        float(params["smoothing_level"]),
        float(params["smoothing_trend"]),
        float(params["smoothing_seasonal"]) if seasonal else 0.0,
        float(params["damping_trend"]),
        float(params["initial_level"]),
        float(params["initial_trend"]),
        np.asarray(params["initial_seasons"], dtype=float) if seasonal else np.zeros(1),
    )
