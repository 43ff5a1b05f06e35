"""How good a forecast is, against what, and whether the difference is more than noise.

Names load on first use, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "metrics": (
        "bias coverage crps_quantiles interval_score interval_width mae mase mase_scale pinball "
        "rmse smape"
    ),
    "baselines": (
        "Baseline Drift ETS LastValue LinearAutoregression MLPTime MLPWindows ResidualQuantiles "
        "SeasonalNaive default_baselines"
    ),
    "bootstrap": "Interval bootstrap_interval",
    "significance": "DieboldMariano diebold_mariano",
    "residuals": "ResidualAutocorrelation residual_autocorrelation",
    "results": "ResultTable Row",
    "verdicts": "verdict",
    "calibration": "ConformalQuantiles SplitConformal",
}
_MODULE = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
