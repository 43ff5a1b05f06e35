"""Forecasting as a job: what is trained, measured and kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from mnemonist.data.series import SeriesScaler, SeriesSet, Split, Windows
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.report import Report
from mnemonist.tasks.common.flow import PARTS, Plan, Trained
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.forecast import text
from mnemonist.tasks.forecast.batches import WindowBatches, straight_lines
from mnemonist.tasks.forecast.distributions import distribution
from mnemonist.tasks.forecast.model import DirectModel, ForecastModel, ForecastObjective, build
from mnemonist.tasks.forecast.predictor import Predictor, load_predictor
from mnemonist.tasks.forecast.resolve import Resolved
from mnemonist.tasks.forecast.score import Baselines, Evaluation, evaluate, fit_baselines
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["ForecastPlan", "TrainedForecast", "train_network"]

TrainedForecast = Trained[Predictor, Evaluation]


@dataclass(frozen=True)
class ForecastPlan(Plan[Predictor, Evaluation]):
    """What a training of a forecaster will do.

    Args:
        resolved: the configuration, the data and the parts.
    """

    job: ClassVar[str] = "forecast"
    metric: ClassVar[str] = "MASE"
    resolved: Resolved

    @property
    def data(self) -> SeriesSet:
        return self.resolved.data

    def fingerprint(self) -> dict[str, Any]:
        return self.data.fingerprint()

    def network(self) -> ForecastModel:
        return build(self.config, self.resolved.layout, self.cell)

    def learn(
        self, checkpoints: Checkpoints | None, progress: Progress
    ) -> tuple[Predictor, History]:
        return train_network(self, checkpoints=checkpoints, progress=progress)

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder)

    def baselines(self, progress: Progress) -> Baselines:
        parts = self.resolved.parts
        return fit_baselines(self.config, self.resolved.layout, self.data, parts.train, parts.valid)

    def measure(self, predictor: Predictor, baselines: Baselines) -> Evaluation:
        parts = self.resolved.parts
        return evaluate(
            predictor, baselines, self.data, parts.train, parts.test, name=name_of(self.config)
        )

    def facts(self) -> dict[str, Any]:
        split = {part: getattr(self.resolved.parts, part) for part in PARTS}
        return {"source": self.source_name, "season": self.data.season, "split": split}

    def predictions(self, trained: TrainedForecast) -> tuple[str, str]:
        return "predictions.csv", forecasts_on_test(trained).to_csv(index=False)

    def report(self, trained: TrainedForecast) -> Report:
        from mnemonist.tasks.forecast.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        return text.header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        return text.next_commands(self, run)


def train_network(
    made: ForecastPlan,
    *,
    parts: Split | None = None,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> tuple[Predictor, History]:
    """Train the plan's network and calibrate it, without baselines or report.

    Args:
        made: the plan.
        parts: training and validation, if not those of the plan (a backtest).
        checkpoints: of a training in a run folder.
        progress: whom to tell.
    """
    config, layout, parts = made.config, made.resolved.layout, parts or made.resolved.parts
    scaler = SeriesScaler.fit(
        parts,
        target=config.scaling,
        covariates="standard" if config.scaling == "log" else config.scaling,
        per_series=bool(config.scale_per_series),
    )
    scaled = scaler.apply(made.data)
    size, seed = config.training.batch_size, config.training.seed
    learn = Windows(
        scaled, layout.window, layout.horizon, ranges=parts.train, stride=config.stride or 1
    )
    check = Windows(scaled, layout.window, layout.horizon, ranges=parts.valid)
    seed_everything(seed)
    model = build(config, layout, made.cell)
    examples = WindowBatches(learn, layout, size, seed=seed, shuffle=True)
    if isinstance(model, DirectModel) and model.path is not None:
        model.start_at(straight_lines(examples))
    history = fit(
        model,
        ForecastObjective(distribution(config)),
        examples,
        WindowBatches(check, layout),
        config.training,
        checkpoints=checkpoints,
        progress=progress,
    )
    predictor = Predictor(config, layout, model, scaler)
    return predictor.calibrate(scaled, parts.valid), history


def forecasts_on_test(trained: TrainedForecast) -> pd.DataFrame:
    """Truth and forecast on the test part, one forecast after another without overlap."""
    found, data = trained.evaluation, trained.plan.data
    horizon = trained.predictor.layout.horizon
    kept = np.flatnonzero((found.origins - found.origins.min()) % horizon == 0)
    frames = []
    for k in kept:
        one = data.series[found.series_index[k]]
        ahead = found.origins[k] + 1 + np.arange(horizon)
        frame = {
            data.id_name or "series": one.id,
            data.time_name or "step": ahead if one.times is None else one.times[ahead],
            "step_ahead": np.arange(1, horizon + 1),
            "truth": found.truth[k],
            "forecast": found.network.centre[k],
        }
        for n, level in enumerate(found.network.levels):
            frame[f"lower_{level:g}"] = found.network.lower[n, k]
            frame[f"upper_{level:g}"] = found.network.upper[n, k]
        frames.append(pd.DataFrame(frame))
    table = pd.concat(frames, ignore_index=True)
    return table if data.id_name else table.drop(columns="series")
