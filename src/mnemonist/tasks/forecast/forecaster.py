"""The Python face of forecasting, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pandas as pd
from sklearn.base import BaseEstimator

from mnemonist.data.findings import raise_fatal
from mnemonist.data.series import SeriesSet
from mnemonist.data.series.load import Source, inspect_series
from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured, nested
from mnemonist.tasks.common.flow import carry_out, run_of
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.future import forecast_table
from mnemonist.tasks.forecast.job import ForecastPlan, TrainedForecast
from mnemonist.tasks.forecast.plan import plan
from mnemonist.tasks.forecast.predictor import Predictor, load_predictor
from mnemonist.tasks.forecast.score import Evaluation
from mnemonist.training.history import History
from mnemonist.training.progress import Progress

__all__ = ["Forecaster"]


class Forecaster(BaseEstimator):
    """Forecasts a time series with a recurrent network, and says whether that was worth it.

    >>> import numpy as np
    >>> frame = pd.DataFrame({"sold": np.sin(np.arange(200) / 4)})
    >>> forecaster = Forecaster(cell="gru", horizon=3, hidden_size=4, epochs=2)
    >>> forecaster.fit(frame).predict().columns.tolist()
    ['step', 'forecast', 'lower_0.8', 'upper_0.8', 'lower_0.95', 'upper_0.95']

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of `ForecastConfig`, `SeriesConfig` or `TrainingConfig`, by its
            own name: target, known, horizon, window, hidden_size, epochs, seed, ...

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    def __init__(
        self, cell: str | type = "lstm", *, config: ForecastConfig | None = None, **options: Any
    ) -> None:
        self.cell, self.config, self.options = cell, config, options
        self._configuration()
        self._trained: TrainedForecast | None = None
        self._predictor: Predictor | None = None
        self._data: SeriesSet | None = None

    def fit(
        self,
        source: Source,
        run: str | Path | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on a file or a DataFrame.

        Args:
            source: a path (CSV, TSV, Parquet) or a DataFrame.
            run: a run folder. A training that was killed goes on there; a finished one is
                loaded. Without it nothing is written.
            overwrite: throw away what `run` holds.
            progress: whom to tell; nobody by default.

        Raises:
            DataError: data that cannot be used; the message names lines and remedies.
            RunFolderError: `run` holds another training.
        """
        self._trained = carry_out(
            self.plan(source), run=run, overwrite=overwrite, progress=progress, keep=run is not None
        )
        self._predictor, self._data = self._trained.predictor, self._trained.plan.data
        return self

    def plan(self, source: Source) -> ForecastPlan:
        """What `fit` would do: every choice and finding, the executor, the network's size."""
        cell = None if isinstance(self.cell, str) else self.cell
        return plan(source, self._configuration(), cell=cell)

    def predict(self, source: Source | None = None) -> pd.DataFrame:
        """The future after the end of the data, with intervals.

        Args:
            source: other data with the same columns; by default those that `fit` had.

        Returns:
            One row a future step of each series: id and time where there are any, the
            forecast, and the bounds of each interval.

        Raises:
            DataError: too few rows, or no known covariates for the future.
        """
        predictor = self._fitted()
        if source is not None:
            return forecast_table(predictor, _read(source, predictor.config))
        if self._data is None:
            raise ConfigError(
                "a forecaster that was loaded has no data: give predict the table whose future "
                "is asked for"
            )
        return forecast_table(predictor, self._data)

    def evaluate(self, source: Source | None = None) -> Evaluation:
        """Results beside the baselines, on the test part of `source` or of the data of `fit`."""
        predictor = self._fitted()
        if source is None and self._trained is not None:
            return self._trained.evaluation
        if source is None:
            raise ConfigError("a forecaster that was loaded has no data: give evaluate a table")
        from mnemonist.tasks.forecast.backtest import evaluate_on

        return evaluate_on(predictor, _read(source, predictor.config))

    @property
    def evaluation_(self) -> Evaluation:
        return self.evaluate()

    @property
    def history_(self) -> History:
        return self._done().history

    @property
    def report_path(self) -> Path | None:
        """Where the report is."""
        return self._done().report_path

    @classmethod
    def load(cls, run: str | Path, *, cell: type | None = None) -> Self:
        """A trained forecaster from its run folder; no class of yours is imported.

        Args:
            run: the folder.
            cell: the class of a cell of your own that has no program.

        Raises:
            RunFolderError: no run folder, or a damaged one.
        """
        predictor = load_predictor(run_of(run, "forecast"), cell=cell)
        loaded = cls(cell or predictor.config.cell, config=predictor.config)
        loaded._predictor = predictor
        return loaded

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options, as scikit-learn asks for them."""
        return {"cell": self.cell, "config": self.config, **self.options}

    def set_params(self, **params: Any) -> Self:
        """Change options; an unknown one is an error."""
        for name, value in params.items():
            if name in ("cell", "config"):
                setattr(self, name, value)
            else:
                self.options[name] = value
        self._configuration()
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self._predictor is not None

    def _configuration(self) -> ForecastConfig:
        cell = self.cell
        if not isinstance(cell, str):
            cell = f"{cell.__module__}:{cell.__qualname__}"
        base = self.config.model_dump(exclude_unset=True) if self.config is not None else {}
        options = nested(ForecastConfig, {**self.options, "cell": cell})
        return configured(ForecastConfig, options, base)

    def _fitted(self) -> Predictor:
        if self._predictor is None:
            raise ConfigError("this forecaster is not trained: call fit first, or load a run")
        return self._predictor

    def _done(self) -> TrainedForecast:
        if self._trained is None:
            raise ConfigError("this forecaster was not trained here: call fit first")
        return self._trained


def _read(source: Source, config: ForecastConfig) -> SeriesSet:
    data, findings = inspect_series(source, config.series)
    raise_fatal(findings)
    assert data is not None
    return data
