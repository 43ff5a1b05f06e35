"""Forecasting: from a table of measurements to a network, its rivals and an honest report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.tasks.forecast.config import ForecastConfig
    from mnemonist.tasks.forecast.forecaster import Forecaster

__all__ = [
    "ForecastConfig",
    "Forecaster",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "ForecastConfig": ".config",
        "Forecaster": ".forecaster",
    },
)
