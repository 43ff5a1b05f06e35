"""The Python face of forecasting, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pandas as pd

from mnemonist.data.findings import raise_fatal
from mnemonist.data.series import SeriesSet
from mnemonist.data.series.load import Source, inspect_series
from mnemonist.errors import ConfigError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.estimator import Estimator
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.future import forecast_table
from mnemonist.tasks.forecast.job import ForecastPlan
from mnemonist.tasks.forecast.plan import plan
from mnemonist.tasks.forecast.predictor import Predictor, load_predictor
from mnemonist.tasks.forecast.score import Evaluation
from mnemonist.training.progress import Progress

__all__ = ["Forecaster"]


class Forecaster(Estimator[ForecastConfig, Predictor, Evaluation]):
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

    job = "forecast"
    configuration = ForecastConfig
    _data: SeriesSet | None = None

    def fit(
        self,
        source: Source,
        run: str | Path | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on a file (CSV, TSV, Parquet) or a DataFrame; see `Estimator.fit`."""
        super().fit(source, run, overwrite=overwrite, progress=progress)
        self._data = self._done().plan.data
        return self

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

    def _plan(self, source: Source, config: ForecastConfig, cell: Maker | None) -> ForecastPlan:
        return plan(source, config, cell=cell)

    @classmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> Predictor:
        return load_predictor(folder, cell=cell)


def _read(source: Source, config: ForecastConfig) -> SeriesSet:
    data, findings = inspect_series(source, config.series)
    raise_fatal(findings)
    assert data is not None
    return data
