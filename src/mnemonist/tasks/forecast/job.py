"""One training from a source to a run folder: data, network, baselines, report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from mnemonist.data.series import SeriesScaler, Split, Windows
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.forecast.batches import WindowBatches, straight_lines
from mnemonist.tasks.forecast.distributions import distribution
from mnemonist.tasks.forecast.model import DirectModel, ForecastObjective
from mnemonist.tasks.forecast.plan import Plan, name_of, network_of, source_name
from mnemonist.tasks.forecast.predictor import Predictor
from mnemonist.tasks.forecast.programs import PROGRAMS, check_equations, is_own, programs_of
from mnemonist.tasks.forecast.saved import load_predictor
from mnemonist.tasks.forecast.score import Evaluation, evaluate, fit_baselines
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress, Silent
from mnemonist.training.rng import seed_everything

__all__ = ["Trained", "measured", "train", "train_network"]


@dataclass
class Trained:
    """A finished training.

    Args:
        plan: what was to be done.
        predictor: the network, ready to forecast.
        history: of the training.
        evaluation: on the test part.
        run: the folder, if there is one.
        report_path: its report.
    """

    plan: Plan
    predictor: Predictor
    history: History
    evaluation: Evaluation
    run: RunFolder | None = None
    report_path: Path | None = None
    notes: list[str] = field(default_factory=list)


def train(
    made: Plan,
    *,
    run: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    keep: bool = True,
) -> Trained:
    """Carry out a plan in a run folder; go on with it if it was begun, load it if it is done.

    Args:
        made: the plan.
        run: the folder; `Plan.run_path` if not given.
        overwrite: throw away what is there.
        progress: whom to tell.
        keep: false trains without a folder and writes nothing.

    Raises:
        RunFolderError: the folder holds another run.
        TrainingInterrupted: a signal came; the state is saved.
    """
    from mnemonist.tasks.forecast.report import write_report

    config, progress = made.config, progress or Silent()
    if not keep:
        predictor, history = train_network(made, progress=progress)
        return Trained(made, predictor, history, measured(made, predictor))
    folder = RunFolder.open(
        run or made.run_path(),
        job="forecast",
        config=config,
        data_fingerprint=made.data.fingerprint(),
        overwrite=overwrite,
    )
    with folder:
        for note in folder.notes:
            progress.say(note)
        if folder.finished:
            return _finished(made, folder)
        programs = programs_of(network_of(config, made.resolved.layout, made.cell))
        if (folder.path / PROGRAMS).exists():
            check_equations(folder.path, folder.load_json(PROGRAMS), programs)
        folder.save_json(PROGRAMS, programs)
        predictor, history = train_network(made, folder=folder, progress=progress)
        progress.say("Measuring the baselines on the same windows")
        trained = Trained(made, predictor, history, measured(made, predictor), folder)
        _store(trained, folder)
        trained.report_path = write_report(trained)
        folder.finish()
    return trained


def train_network(
    made: Plan,
    *,
    parts: Split | None = None,
    folder: RunFolder | None = None,
    progress: Progress | None = None,
) -> tuple[Predictor, History]:
    """Train the plan's network and calibrate it, without baselines or report.

    Args:
        made: the plan.
        parts: training and validation, if not those of the plan (a backtest).
        folder: where checkpoints go.
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
    model = network_of(config, layout, made.cell)
    examples = WindowBatches(learn, layout, size, seed=seed, shuffle=True)
    if isinstance(model, DirectModel) and model.path is not None:
        model.start_at(straight_lines(examples))
    history = fit(
        model,
        ForecastObjective(distribution(config)),
        examples,
        WindowBatches(check, layout),
        config.training,
        checkpoints=folder.checkpoints if folder else None,
        progress=progress,
    )
    predictor = Predictor(config, layout, model, scaler)
    return predictor.calibrate(scaled, parts.valid), history


def measured(made: Plan, predictor: Predictor) -> Evaluation:
    """A trained network beside the baselines, on the test part of the plan."""
    parts, layout = made.resolved.parts, made.resolved.layout
    baselines = fit_baselines(made.config, layout, made.data, parts.train, parts.valid)
    return evaluate(
        predictor, baselines, made.data, parts.train, parts.test, name=name_of(made.config)
    )


def _finished(made: Plan, folder: RunFolder) -> Trained:
    """What a finished folder holds; the results are computed again from its weights."""
    predictor = load_predictor(folder, cell=None if is_own(made.config) else made.cell)
    history = History.from_dict(folder.load_json("results.json")["history"])
    trained = Trained(made, predictor, history, measured(made, predictor), folder)
    trained.report_path = folder.path / "report.html"
    return trained


def _store(trained: Trained, folder: RunFolder) -> None:
    """Weights, preprocessing, findings, results and predictions."""
    made, predictor = trained.plan, trained.predictor
    folder.save_model(predictor.model.state_dict(), {"parameters": made.parameters})
    layout = made.resolved.layout
    folder.save_json("preprocessing.json", {"layout": vars(layout), **predictor.to_dict()})
    folder.save_json(
        "data.json",
        {
            "source": source_name(made.source),
            "fingerprint": made.data.fingerprint(),
            "season": made.data.season,
            "split": {part: getattr(made.resolved.parts, part) for part in _PARTS},
            "findings": [finding.to_dict() for finding in made.findings],
        },
    )
    results = {"history": trained.history.to_dict(), **trained.evaluation.to_dict()}
    folder.save_json("results.json", results)
    folder.save_text("predictions.csv", forecasts_on_test(trained).to_csv(index=False))


_PARTS = ("train", "valid", "test")


def forecasts_on_test(trained: Trained) -> pd.DataFrame:
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
