"""How good the network is on the test part, beside every baseline, and what that amounts to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnemonist.data.series import SeriesSet, Windows
from mnemonist.errors import DataError
from mnemonist.evaluation.baselines import ResidualQuantiles, default_baselines
from mnemonist.evaluation.bootstrap import bootstrap_interval
from mnemonist.evaluation.metrics import coverage, mase_scale, smape
from mnemonist.evaluation.residuals import ResidualAutocorrelation, residual_autocorrelation
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.evaluation.significance import DieboldMariano, diebold_mariano
from mnemonist.evaluation.verdicts import Tone, tone, verdict
from mnemonist.tasks.forecast.batches import Layout, with_history
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.predictor import Forecasts, Predictor

__all__ = ["Baselines", "Evaluation", "Ranges", "evaluate", "fit_baselines"]

Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines, the errors that their intervals rest on, and why others are absent."""

    fitted: list[Any]
    residuals: dict[str, list[ResidualQuantiles]]
    skipped: list[str]


@dataclass(frozen=True)
class Evaluation:
    """Results on one part of the data.

    Args:
        table: the network and the baselines.
        verdict: one sentence.
        tone: "good", "even" or "bad": better, no matter, worse than the best baseline.
        best_baseline: its name.
        truth: (n, horizon).
        origins, series_index: (n,) where each forecast starts, as in `Windows`.
        network: the network's forecasts.
        baselines: the baselines' forecasts by name, (n, horizon).
        by_horizon: MAE by step ahead, (horizon,), by name.
        test: Diebold-Mariano against the best baseline, if one was possible.
        residuals: autocorrelation of one-step errors, if there are enough.
        skipped: baselines that were left out, and why.
    """

    table: ResultTable
    verdict: str
    tone: Tone
    best_baseline: str
    truth: np.ndarray
    origins: np.ndarray
    series_index: np.ndarray
    network: Forecasts
    baselines: dict[str, np.ndarray]
    by_horizon: dict[str, np.ndarray]
    test: DieboldMariano | None
    residuals: ResidualAutocorrelation | None
    skipped: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What a program wants to know, as plain JSON values."""
        test = self.test
        return {
            "verdict": self.verdict,
            "table": self.table.to_dict(),
            "best_baseline": self.best_baseline,
            "diebold_mariano": None
            if test is None
            else {"statistic": test.statistic, "p_value": test.p_value, "origins": test.count},
            "mae_by_horizon": {name: mae.tolist() for name, mae in self.by_horizon.items()},
            "skipped": self.skipped,
        }


def fit_baselines(
    config: ForecastConfig, layout: Layout, data: SeriesSet, train: Ranges, valid: Ranges
) -> Baselines:
    """Fit every baseline on the training part, and its intervals on the validation part."""
    learn = Windows(data, layout.window, layout.horizon, ranges=train, stride=config.stride or 1)
    check = Windows(data, layout.window, layout.horizon, ranges=valid)
    fitted, skipped = default_baselines(
        learn,
        windows_layers=config.window_layers,
        time_layers=config.time_layers,
        seed=config.training.seed,
    )
    residuals = {}
    for baseline in fitted:
        forecast = baseline.fit(learn).predict(check)
        residuals[baseline.name] = [
            ResidualQuantiles(level).fit(check.targets, forecast) for level in config.levels
        ]
    return Baselines(fitted, residuals, skipped)


def evaluate(
    predictor: Predictor,
    baselines: Baselines,
    data: SeriesSet,
    train: Ranges,
    test: Ranges,
    *,
    name: str,
) -> Evaluation:
    """The network and the baselines on the windows whose targets lie in `test`.

    Args:
        predictor: the trained network.
        baselines: fitted on the same training part.
        data: the series in their own units.
        train, test: the parts; MASE is scaled by the training part.
        name: of the network in the table.
    """
    layout, levels = predictor.layout, predictor.config.levels
    scaled = predictor.scaler.apply(data)
    windows = Windows(data, layout.window, layout.horizon, ranges=test)
    chosen = with_history(windows, layout)
    truth, index = windows.targets[chosen], windows.series_index[chosen]
    network = predictor(scaled, Windows(scaled, layout.window, layout.horizon, ranges=test))
    scale = _mase_scale(data, train)
    measured = _Measures(truth, index, levels, scale)
    rows = [measured.row(name, "network", network.centre, network.lower, network.upper)]
    forecasts = {}
    for baseline in baselines.fitted:
        forecast = baseline.predict(windows)[chosen]
        bounds = [one.interval(forecast) for one in baselines.residuals[baseline.name]]
        lower, upper = (np.stack([bound[k] for bound in bounds]) for k in (0, 1))
        rows.append(measured.row(baseline.name, "baseline", forecast, lower, upper))
        forecasts[baseline.name] = forecast
    table = ResultTable(
        rows, targets={f"{level:.0%} interval": level for level in levels}
    ).sorted_by("MASE")
    best = table.best("MASE", "baseline")
    assert best is not None
    losses = {n: np.abs(f - truth) for n, f in [(name, network.centre), *forecasts.items()]}
    compared = _compare(losses[name], losses[best.name], windows.origins[chosen])
    ours = rows[0].values["MASE"]
    return Evaluation(
        table=table,
        verdict=verdict(name, ours, best.name, best.values["MASE"], test=compared),
        tone=tone(ours < best.values["MASE"], compared),
        best_baseline=best.name,
        truth=truth,
        origins=windows.origins[chosen],
        series_index=index,
        network=network,
        baselines=forecasts,
        by_horizon={n: loss.mean(axis=0) for n, loss in losses.items()},
        test=compared,
        residuals=_autocorrelation(truth - network.centre, index),
        skipped=baselines.skipped,
    )


class _Measures:
    """Rows of the table, all over the same truths."""

    def __init__(
        self, truth: np.ndarray, groups: np.ndarray, levels: tuple[float, ...], scale: float
    ) -> None:
        self.truth, self.groups, self.levels, self.scale = truth, groups, levels, scale

    def row(
        self, name: str, kind: Any, forecast: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> Row:
        error = np.abs(forecast - self.truth)
        values = {
            "MAE": float(error.mean()),
            "RMSE": float(np.sqrt((error**2).mean())),
            "MASE": float(error.mean() / self.scale),
            "sMAPE": smape(self.truth, forecast),
        }
        for level, low, high in zip(self.levels, lower, upper, strict=True):
            values[f"{level:.0%} interval"] = coverage(self.truth, low, high)
        return Row(name, kind, values, {"MAE": bootstrap_interval(error, groups=self.groups)})


def _mase_scale(data: SeriesSet, train: Ranges) -> float:
    targets = [one.target[a:b] for one, (a, b) in zip(data.series, train, strict=True)]
    try:
        return mase_scale(targets, data.season or 1)
    except DataError:
        return mase_scale(targets, 1)


def _compare(ours: np.ndarray, theirs: np.ndarray, origins: np.ndarray) -> DieboldMariano | None:
    """The test over origins in the order of time; series that share an origin are averaged."""
    horizon = ours.shape[1]
    order, inverse = np.unique(origins, return_inverse=True)
    counts = np.bincount(inverse)
    means = [np.bincount(inverse, losses.mean(axis=1)) / counts for losses in (ours, theirs)]
    try:
        return diebold_mariano(means[0], means[1], horizon=horizon) if len(order) else None
    except DataError:
        return None


def _autocorrelation(errors: np.ndarray, groups: np.ndarray) -> ResidualAutocorrelation | None:
    one_step = errors[groups == groups[0], 0]
    return residual_autocorrelation(one_step) if len(one_step) >= 8 else None
