"""A trained network with everything that turns series into forecasts in their own units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from mnemonist.data.series import SeriesScaler, SeriesSet, Windows
from mnemonist.evaluation.calibration import ConformalQuantiles, SplitConformal
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import maker_of
from mnemonist.tasks.forecast.batches import Layout, WindowBatches
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.distributions import distribution
from mnemonist.tasks.forecast.model import ForecastModel, build

__all__ = ["Forecasts", "Predictor", "load_predictor"]

Margins = Sequence[ConformalQuantiles | SplitConformal]


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of n windows in the units of the data.

    Args:
        centre: (n, horizon), the point forecast: the median, or the location.
        lower, upper: (levels, n, horizon), the bounds of central intervals.
        levels: the shares that these hold.
    """

    centre: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    levels: tuple[float, ...]


class Predictor:
    """Scaler, network and calibration, applied in this order and undone at the end.

    Args:
        config: resolved.
        layout: the network's sizes.
        model: the network.
        scaler: fitted on the training part.
    """

    def __init__(
        self, config: ForecastConfig, layout: Layout, model: ForecastModel, scaler: SeriesScaler
    ) -> None:
        self.config, self.layout, self.model, self.scaler = config, layout, model, scaler
        self.stated = distribution(config)
        self.margins: Margins = []

    def calibrate(self, scaled: SeriesSet, valid: Sequence[tuple[int, int]]) -> Self:
        """Widen or narrow the intervals so that they hold on the validation part what they say."""
        windows = Windows(scaled, self.layout.window, self.layout.horizon, ranges=valid)
        batches = WindowBatches(windows, self.layout)
        truth = windows.targets[batches.chosen]
        centre, lower, upper = self._scaled(batches)
        levels = self.config.levels
        if lower is None or upper is None:
            self.margins = [SplitConformal(level).fit(truth, centre) for level in levels]
        else:
            self.margins = [
                ConformalQuantiles(level).fit(truth, low, high)
                for level, low, high in zip(levels, lower, upper, strict=True)
            ]
        return self

    def __call__(self, scaled: SeriesSet, windows: Windows) -> Forecasts:
        """Forecasts for the windows that have enough history (`WindowBatches.chosen`).

        Args:
            scaled: what `scaler` made of the series.
            windows: over `scaled`.
        """
        batches = WindowBatches(windows, self.layout)
        centre, lower, upper = self._scaled(batches)
        lows, highs = self._calibrated(centre, lower, upper)
        ids = [windows.ids[k] for k in batches.chosen]
        undo = lambda values: self.scaler.inverse(values, ids)  # noqa: E731
        return Forecasts(
            undo(centre),
            np.stack([undo(low) for low in lows]),
            np.stack([undo(high) for high in highs]),
            self.config.levels,
        )

    def _scaled(
        self, batches: WindowBatches
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Centre (n, H) and stated bounds (levels, n, H), scaled; no bounds of a point forecast."""
        device = next(self.model.parameters()).device
        self.model.eval()
        raws = []
        with torch.no_grad():
            for index in range(len(batches)):
                batch = {name: value.to(device) for name, value in batches.batch(0, index).items()}
                raws.append(self.model(batch).cpu())
        raw = torch.cat(raws)
        tails = [round((1 - level) / 2, 9) for level in self.config.levels]
        low = self.stated.quantiles(raw, tails)
        high = self.stated.quantiles(raw, [round(1 - tail, 9) for tail in tails])
        centre = raw[..., 0].double().numpy()
        if low is None or high is None:
            return centre, None, None
        return centre, np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)

    def _calibrated(
        self, centre: np.ndarray, lower: np.ndarray | None, upper: np.ndarray | None
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        lows: list[np.ndarray] = []
        highs: list[np.ndarray] = []
        for k, margin in enumerate(self.margins):
            if isinstance(margin, SplitConformal):
                low, high = margin.interval(centre)
            else:
                assert lower is not None
                assert upper is not None
                low, high = margin.interval(lower[k], upper[k])
            # a wider level contains the narrower one and the centre, whatever the margins say
            low = np.minimum(low, lows[-1] if lows else centre)
            high = np.maximum(high, highs[-1] if highs else centre)
            lows.append(low)
            highs.append(high)
        return lows, highs

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network, as plain JSON values."""
        return {
            "layout": vars(self.layout),
            "scaler": self.scaler.to_dict(),
            "calibration": [margin.to_dict() for margin in self.margins],
        }

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over the calibration that `to_dict` described."""
        kind = SplitConformal if self.config.distribution == "point" else ConformalQuantiles
        self.margins = [kind.from_dict(one) for one in state["calibration"]]
        return self


def load_predictor(folder: RunFolder, *, cell: str | Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: of a forecast, finished.
        cell: the class of a cell that has no program there, or "module:Class".

    Raises:
        RunFolderError: a damaged file, or a cell without a program.
    """
    config = ForecastConfig.model_validate(folder.config)
    state = folder.load_json("preprocessing.json")
    layout = Layout(**{**state["layout"], "lags": tuple(state["layout"]["lags"])})
    model = build(config, layout, maker_of(folder, config, cell))
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    scaler = SeriesScaler.from_dict(state["scaler"])
    return Predictor(config, layout, model, scaler).restore(state)
