"""Rolling-origin evaluation: the test part in pieces, each forecast from all that came before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnemonist.data.series import SeriesSet, Split, split
from mnemonist.errors import DataError
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.forecast.job import ForecastPlan, train_network
from mnemonist.tasks.forecast.predictor import Predictor
from mnemonist.tasks.forecast.score import Evaluation, Ranges, evaluate, fit_baselines
from mnemonist.training.progress import Progress

__all__ = ["Backtest", "backtest", "evaluate_on"]


@dataclass(frozen=True)
class Backtest:
    """The results of every piece.

    Args:
        folds: one evaluation for each piece, in the order of time.
        refit: whether network and baselines were trained anew for each.
        table: means over the pieces, and the spread in the note.
    """

    folds: list[Evaluation]
    refit: bool
    table: ResultTable

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "refit": self.refit,
            "table": self.table.to_dict(),
            "folds": [fold.to_dict() for fold in self.folds],
        }


def evaluate_on(predictor: Predictor, data: SeriesSet) -> Evaluation:
    """A trained network on the test part of any data; the baselines learn on its training part."""
    config = predictor.config
    parts = split(data, config.valid, config.test)
    baselines = fit_baselines(config, predictor.layout, data, parts.train, parts.valid)
    return evaluate(predictor, baselines, data, parts.train, parts.test, name=name_of(config))


def backtest(
    made: ForecastPlan,
    predictor: Predictor,
    folds: int,
    *,
    refit: bool = False,
    progress: Progress | None = None,
) -> Backtest:
    """Cut the test part into `folds` pieces and evaluate on one after another.

    Args:
        made: the data, its parts and the configuration.
        predictor: the trained network, used as it is without `refit`.
        folds: how many pieces.
        refit: train network and baselines anew on everything before each piece.
        progress: whom to tell.

    Raises:
        DataError: the pieces would be shorter than the horizon.
    """
    parts, layout = made.resolved.parts, predictor.layout
    shortest = min(stop - start for start, stop in parts.test)
    if shortest // folds < layout.horizon:
        raise DataError(
            f"{made.data.name}: {folds} folds of a test part of {shortest} steps are shorter than "
            f"the horizon, {layout.horizon}: ask for at most {shortest // layout.horizon}"
        )
    results = []
    fixed = None if refit else _baselines(made, parts)
    for k in range(folds):
        piece = _piece(parts, k, folds)
        network = predictor
        if refit:
            if progress is not None:
                progress.say(f"Fold {k + 1} of {folds}: training anew")
            network, _ = train_network(made, parts=piece, progress=progress)
        results.append(
            evaluate(
                network,
                fixed or _baselines(made, piece),
                made.data,
                piece.train,
                piece.test,
                name=name_of(made.config),
            )
        )
    return Backtest(results, refit, _means(results))


def _baselines(made: ForecastPlan, parts: Split) -> Any:
    return fit_baselines(made.config, made.resolved.layout, made.data, parts.train, parts.valid)


def _piece(parts: Split, k: int, folds: int) -> Split:
    """Fold k as test part, as much validation as before in front of it, the rest for training."""
    tests: Ranges = []
    valids: Ranges = []
    trains: Ranges = []
    for (valid, _), (start, stop) in zip(parts.valid, parts.test, strict=True):
        first = start + (stop - start) * k // folds
        last = start + (stop - start) * (k + 1) // folds
        moved = first - start
        tests.append((first, last))
        valids.append((valid + moved, first))
        trains.append((0, valid + moved))
    return replace(parts, train=trains, valid=valids, test=tests)


def _means(results: list[Evaluation]) -> ResultTable:
    names = [row.name for row in results[0].table.rows]
    rows = []
    for name in names:
        found = [next(r for r in one.table.rows if r.name == name) for one in results]
        values = {
            metric: float(np.mean([row.values[metric] for row in found]))
            for metric in results[0].table.metrics
        }
        spread = [row.values["MASE"] for row in found]
        note = f"MASE {min(spread):.3g} to {max(spread):.3g}"
        rows.append(Row(name, found[0].kind, values, note=note))
    return ResultTable(rows, targets=results[0].table.targets).sorted_by("MASE")
