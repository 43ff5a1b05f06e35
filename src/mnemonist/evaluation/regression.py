"""Baselines that are regressions: on the window, or on time alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnemonist.data.series.windows import WindowBatch, Windows
from mnemonist.errors import ConfigError

__all__ = ["LinearAutoregression", "MLPTime", "MLPWindows"]

_BATCH = 4096
_RCOND = 1e-10


class LinearAutoregression:
    """ŷ_{t+h} = a_h + Σ w_h · (window, known covariates of the horizon), by least squares.

    One linear model for each step ahead, on the same inputs that a network gets; no penalty.
    Directions that the data do not determine are left at zero (minimum norm). The rows go
    through a QR decomposition in batches, so memory does not grow with their number.

    >>> from mnemonist.data.series import SeriesSet
    >>> windows = Windows(SeriesSet.from_arrays(np.sin(np.arange(99.0))), window=2, horizon=2)
    >>> model = LinearAutoregression().fit(windows)
    >>> bool(np.allclose(model.predict(windows), windows.targets))
    True
    """

    name = "linear autoregression"

    def fit(self, train: Windows) -> LinearAutoregression:
        """Solve for the weights."""
        self._centre, self._scale = _column_statistics(train)
        triangle = np.empty((0, 0))
        for batch in _batches(train):
            rows = np.concatenate([self._design(batch), batch.targets], axis=1)
            stacked = np.concatenate([triangle, rows]) if len(triangle) else rows
            triangle = np.asarray(np.linalg.qr(stacked, mode="r"))
        split = len(self._centre) + 1
        self._weights = np.linalg.lstsq(triangle[:, :split], triangle[:, split:], rcond=_RCOND)[0]
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        return np.concatenate([self._design(batch) @ self._weights for batch in _batches(windows)])

    def _design(self, batch: WindowBatch) -> np.ndarray:
        scaled = (_flat(batch) - self._centre) / self._scale
        return np.concatenate([scaled, np.ones((len(scaled), 1))], axis=1)


class MLPWindows:
    """scikit-learn's MLPRegressor on the same windows, all horizon steps at once.

    Args:
        layers: hidden units by layer.
        seed: of its initial weights and shuffling.
        max_iter: epochs at most; it also stops when the training loss no longer falls.
        max_rows: at most this many windows, evenly spread, so that its cost is bounded.
    """

    name = "MLP on windows"

    def __init__(
        self,
        layers: Sequence[int] = (100,),
        *,
        seed: int = 0,
        max_iter: int = 200,
        max_rows: int = 20_000,
    ) -> None:
        self.layers, self.seed, self.max_iter = tuple(layers), seed, max_iter
        self.max_rows = max_rows

    def fit(self, train: Windows) -> MLPWindows:
        """Train the network on standardised inputs and targets."""
        chosen = np.unique(
            np.linspace(0, len(train) - 1, min(len(train), self.max_rows), dtype=int)
        )
        batch = train.batch(chosen)
        inputs = _flat(batch)
        self._centre, self._scale = inputs.mean(axis=0), _positive(inputs.std(axis=0))
        self._shift, self._unit = batch.targets.mean(), _positive(batch.targets.std())
        self._model = _mlp(
            (inputs - self._centre) / self._scale,
            (batch.targets - self._shift) / self._unit,
            self.layers,
            self.seed,
            self.max_iter,
        )
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        parts = [
            self._model.predict((_flat(batch) - self._centre) / self._scale).reshape(
                -1, windows.horizon
            )
            for batch in _batches(windows)
        ]
        return np.concatenate(parts) * self._unit + self._shift


class MLPTime:
    """scikit-learn's MLPRegressor on time alone, y = f(t), as the classic tutorials have it.

    It has seen only the training times, so a forecast is an extrapolation. One network for
    each series.

    Args:
        layers: hidden units by layer.
        seed, max_iter: as `MLPWindows`.
        max_rows: at most this many steps of a series, evenly spread.
    """

    name = "MLP on time"

    def __init__(
        self,
        layers: Sequence[int] = (100, 50, 25),
        *,
        seed: int = 0,
        max_iter: int = 500,
        max_rows: int = 20_000,
    ) -> None:
        self.layers, self.seed, self.max_iter = tuple(layers), seed, max_iter
        self.max_rows = max_rows

    def fit(self, train: Windows) -> MLPTime:
        """Train on (step, value) of each series' training part."""
        self._models: list[tuple[Any, float, float, float]] = []
        for one, (start, stop) in zip(train.data.series, train.ranges, strict=True):
            count = min(stop - start, self.max_rows)
            steps = np.unique(np.linspace(start, stop - 1, count, dtype=int))
            values = one.target[steps]
            shift, unit = float(values.mean()), float(_positive(values.std()))
            length = float(max(stop - 1, 1))
            model = _mlp(
                _clock(steps, length),
                ((values - shift) / unit)[:, None],
                self.layers,
                self.seed,
                self.max_iter,
            )
            self._models.append((model, length, shift, unit))
        return self

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, horizon)."""
        if len(self._models) != len(windows.data.series):
            raise ConfigError(
                f"{self.name} was fitted on {len(self._models)} series and is asked about "
                f"{len(windows.data.series)}; they must be the same series."
            )
        steps = windows.origins[:, None] + np.arange(1, windows.horizon + 1)
        forecast = np.empty(steps.shape)
        for k, (model, length, shift, unit) in enumerate(self._models):
            mine = windows.series_index == k
            if mine.any():
                flat = model.predict(_clock(steps[mine].ravel(), length))
                forecast[mine] = flat.reshape(-1, windows.horizon) * unit + shift
        return forecast


def _clock(steps: np.ndarray, length: float) -> np.ndarray:
    """Training time runs from -1 to 1."""
    return (2 * steps / length - 1)[:, None]


def _mlp(
    inputs: np.ndarray, targets: np.ndarray, layers: tuple[int, ...], seed: int, max_iter: int
) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=layers, random_state=seed, max_iter=max_iter)
    with warnings.catch_warnings():
        # Stopping at max_iter is the bound on its cost that was asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, targets[:, 0] if targets.shape[1] == 1 else targets)


def _flat(batch: WindowBatch) -> np.ndarray:
    """(n, window · F + horizon · K)."""
    count = len(batch.targets)
    return np.concatenate(
        [batch.inputs.reshape(count, -1), batch.future_known.reshape(count, -1)], axis=1
    )


def _batches(windows: Windows) -> Iterator[WindowBatch]:
    for start in range(0, len(windows), _BATCH):
        yield windows.batch(slice(start, start + _BATCH))


def _column_statistics(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    total, square, count = np.zeros(1), np.zeros(1), 0
    first = _flat(windows.batch(slice(0, 1)))[0]
    for batch in _batches(windows):
        rows = _flat(batch) - first
        total, square, count = total + rows.sum(0), square + (rows**2).sum(0), count + len(rows)
    mean = total / count
    spread = np.sqrt(np.maximum(square / count - mean**2, 0))
    return first + mean, _positive(spread)


def _positive(spread: Any) -> Any:
    return np.where(np.asarray(spread) > 0, spread, 1.0)
