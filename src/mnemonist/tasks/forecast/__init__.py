"""Forecasting: from a table of measurements to a network, its rivals and an honest report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnemonist.tasks.forecast.config import ForecastConfig
    from mnemonist.tasks.forecast.forecaster import Forecaster

__all__ = ["ForecastConfig", "Forecaster"]

_HOMES = {"ForecastConfig": "config", "Forecaster": "forecaster"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
