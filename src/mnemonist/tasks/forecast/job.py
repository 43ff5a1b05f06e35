"""One training from a source to a run folder: data, network, baselines, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnemonist import cells
from mnemonist.data.findings import Finding, raise_fatal
from mnemonist.data.series import SeriesScaler, SeriesSet, Split, Windows
from mnemonist.data.series.check import audit
from mnemonist.data.series.load import Source, inspect_series, load_series
from mnemonist.engine.explain import Explanation, explain
from mnemonist.errors import ConfigError, DataError
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.naming import default_run_name
from mnemonist.tasks.forecast.batches import Layout, WindowBatches, straight_lines
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.distributions import distribution
from mnemonist.tasks.forecast.future import forecast_table
from mnemonist.tasks.forecast.model import DirectModel, ForecastModel, ForecastObjective, build
from mnemonist.tasks.forecast.predictor import Predictor
from mnemonist.tasks.forecast.programs import (
    PROGRAMS,
    SavedCells,
    cell_maker,
    check_equations,
    is_own,
    programs_of,
    saved_cells,
)
from mnemonist.tasks.forecast.resolve import Resolved, resolve, sizes
from mnemonist.tasks.forecast.score import Evaluation, evaluate, fit_baselines
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress, Silent
from mnemonist.training.rng import seed_everything

__all__ = [
    "Plan",
    "Trained",
    "check",
    "load_predictor",
    "name_of",
    "plan",
    "train",
    "train_network",
]

Maker = Callable[..., Any]


@dataclass(frozen=True)
class Plan:
    """What a training will do, before it does it.

    Args:
        source: as given.
        resolved: the configuration, the data and the parts.
        findings: what the check found, the notes included.
        explanation: which executor runs the first layer, and why.
        parameters: how many numbers are trained.
        cell: what makes the cell.
    """

    source: Source
    resolved: Resolved
    findings: list[Finding]
    explanation: Explanation
    parameters: int
    cell: Maker

    @property
    def config(self) -> ForecastConfig:
        return self.resolved.config

    @property
    def data(self) -> SeriesSet:
        return self.resolved.data

    def run_path(self, root: str = "runs") -> Path:
        """Where the run goes if nobody says otherwise."""
        return default_run_name(
            "forecast", _source_name(self.source), self.config.model_dump(mode="json"), root=root
        )


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


def check(source: Source, config: ForecastConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: a path or a DataFrame.
        config: of the training that is planned.

    Raises:
        DataError: the source cannot be read as a table at all.
    """
    data, findings = inspect_series(source, config.series)
    findings = list(findings)
    if data is not None:
        findings += [Finding("note", "note", note, data.name) for note in data.notes]
        horizon, window, _ = sizes(config, data)
        audited = audit(data, window=window, horizon=horizon, valid=config.valid, test=config.test)
        findings += audited
        if all(finding.severity != "fatal" for finding in audited):
            resolved = resolve(config, data)
            findings += [Finding("note", "note", note, data.name) for note in resolved.notes]
    rank = {"fatal": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: rank[finding.severity])


def plan(source: Source, config: ForecastConfig, *, cell: Maker | None = None) -> Plan:
    """Read, check and decide everything; train nothing.

    Args:
        source: a path or a DataFrame.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.

    Raises:
        DataError: the data cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the data.
    """
    data, findings = inspect_series(source, config.series)
    raise_fatal(findings)
    assert data is not None
    resolved = resolve(config, data)
    findings = [*findings, *resolved.findings]
    findings += [Finding("note", "note", note) for note in (*data.notes, *resolved.notes)]
    maker = cell or cell_maker(resolved.config)
    model = _model(resolved.config, resolved.layout, maker)
    return Plan(
        source,
        resolved,
        findings,
        _explained(model, resolved),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        maker,
    )


def _explained(model: ForecastModel, resolved: Resolved) -> Explanation:
    """How the first layer runs at the sizes of a training step."""
    layer = model.recurrent.layers[0]
    like = next(model.parameters())
    rows = resolved.config.training.batch_size
    x = like.new_zeros(resolved.layout.window, rows, layer.input_size)
    return explain(layer, x, executor=resolved.config.executor)


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
        programs = programs_of(_model(config, made.resolved.layout, made.cell))
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
    model = _model(config, layout, made.cell)
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


def load_predictor(folder: RunFolder, *, cell: Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: finished, of a forecast.
        cell: the cell's class, where the folder has no program of it.

    Raises:
        ConfigError: a run of another job.
        RunFolderError: a damaged file, or a cell without a program.
    """
    if folder.manifest.job != "forecast":
        raise ConfigError(
            f"{folder.path} holds a {folder.manifest.job} run, and a forecast run is needed"
        )
    config = ForecastConfig.model_validate(folder.config)
    state = folder.load_json("preprocessing.json")
    layout = Layout(**{**state["layout"], "lags": tuple(state["layout"]["lags"])})
    model = _model(config, layout, cell or cell_maker_of(folder, config))
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    scaler = SeriesScaler.from_dict(state["scaler"])
    return Predictor(config, layout, model, scaler).restore(state)


def opened(
    run: str | Path,
    source: Source | None = None,
    *,
    cell: str | None = None,
    trainable: bool = False,
) -> tuple[Plan, Predictor]:
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
    folder = RunFolder.load(run)
    predictor = load_predictor(folder, cell=cell_of(cell))
    config = predictor.config
    maker: Maker = cell_of(cell) or cell_maker_of(folder, config)
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
    folder = RunFolder.load(run)
    predictor = load_predictor(folder, cell=cell_of(cell))
    data = load_series(_source_of(folder, source), predictor.config.series)
    return forecast_table(predictor, data), data.name


def cell_of(cell: str | None) -> Maker | None:
    """The class that was named, imported; None where none was."""
    return None if cell is None else cells.resolve(cell, allow_import=True)


def cell_maker_of(folder: RunFolder, config: ForecastConfig) -> Maker:
    """The cells of a run folder: by name, or their programs; nothing is imported."""
    if is_own(config):
        return saved_cells(folder.path, folder.load_json(PROGRAMS))
    return cell_maker(config)


def _source_of(folder: RunFolder, source: Source | None) -> Source:
    if source is not None:
        return source
    recorded = str(folder.load_json("data.json")["source"])
    if not Path(recorded).exists():
        raise DataError(
            f"{folder.path} was trained on {recorded}, which is not there: name the file whose "
            "future is asked for, behind the run folder"
        )
    return recorded


def measured(made: Plan, predictor: Predictor) -> Evaluation:
    """A trained network beside the baselines, on the test part of the plan."""
    parts, layout = made.resolved.parts, made.resolved.layout
    baselines = fit_baselines(made.config, layout, made.data, parts.train, parts.valid)
    return evaluate(
        predictor, baselines, made.data, parts.train, parts.test, name=name_of(made.config)
    )


def name_of(config: ForecastConfig) -> str:
    """The network's name in tables.

    >>> name_of(ForecastConfig(cell="lstm_peephole")), name_of(ForecastConfig(cell="me:MyCell"))
    ('LSTM peephole', 'MyCell')
    """
    if is_own(config):
        return config.cell.rpartition(":")[2]
    head, *rest = config.cell.split("_")
    known = {"lstm", "gru", "mgu", "rnn", "ugrnn", "janet", "irnn", "rhn", "slstm"}
    name = head.upper() if head in known else {"elman": "Elman RNN"}.get(head, head)
    return " ".join([name, *rest])


def _model(config: ForecastConfig, layout: Layout, cell: Maker) -> ForecastModel:
    if isinstance(cell, SavedCells):
        config = config.model_copy(update=_WITHOUT_REGULARISERS)
    return build(config, layout, cell)


_WITHOUT_REGULARISERS = {
    "zoneout": 0.0,
    "variational_dropout": 0.0,
    "weight_dropout": 0.0,
    "cell_options": {},
}


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
            "source": _source_name(made.source),
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


def _source_name(source: Source) -> str:
    return "table" if isinstance(source, pd.DataFrame) else str(source)
