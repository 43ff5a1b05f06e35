"""How good a forecast is, against what, and whether the difference is more than noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.evaluation.baselines import (
        ETS,
        Baseline,
        Drift,
        LastValue,
        LinearAutoregression,
        MLPTime,
        MLPWindows,
        ResidualQuantiles,
        SeasonalNaive,
        default_baselines,
    )
    from mnemonist.evaluation.bootstrap import Interval, bootstrap_interval
    from mnemonist.evaluation.calibration import ConformalQuantiles, SplitConformal
    from mnemonist.evaluation.metrics import (
        bias,
        coverage,
        crps_quantiles,
        interval_score,
        interval_width,
        mae,
        mase,
        mase_scale,
        pinball,
        rmse,
        smape,
    )
    from mnemonist.evaluation.resampling import (
        PairedBootstrap,
        interval_of_sums,
        paired_bootstrap,
    )
    from mnemonist.evaluation.residuals import ResidualAutocorrelation, residual_autocorrelation
    from mnemonist.evaluation.results import ResultTable, Row
    from mnemonist.evaluation.significance import DieboldMariano, diebold_mariano
    from mnemonist.evaluation.verdicts import verdict

__all__ = [
    "ETS",
    "Baseline",
    "ConformalQuantiles",
    "DieboldMariano",
    "Drift",
    "Interval",
    "LastValue",
    "LinearAutoregression",
    "MLPTime",
    "MLPWindows",
    "PairedBootstrap",
    "ResidualAutocorrelation",
    "ResidualQuantiles",
    "ResultTable",
    "Row",
    "SeasonalNaive",
    "SplitConformal",
    "bias",
    "bootstrap_interval",
    "coverage",
    "crps_quantiles",
    "default_baselines",
    "diebold_mariano",
    "interval_of_sums",
    "interval_score",
    "interval_width",
    "mae",
    "mase",
    "mase_scale",
    "paired_bootstrap",
    "pinball",
    "residual_autocorrelation",
    "rmse",
    "smape",
    "verdict",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Baseline": ".baselines",
        "ConformalQuantiles": ".calibration",
        "DieboldMariano": ".significance",
        "Drift": ".baselines",
        "ETS": ".baselines",
        "Interval": ".bootstrap",
        "LastValue": ".baselines",
        "LinearAutoregression": ".baselines",
        "MLPTime": ".baselines",
        "MLPWindows": ".baselines",
        "ResidualAutocorrelation": ".residuals",
        "ResidualQuantiles": ".baselines",
        "PairedBootstrap": ".resampling",
        "ResultTable": ".results",
        "interval_of_sums": ".resampling",
        "paired_bootstrap": ".resampling",
        "Row": ".results",
        "SeasonalNaive": ".baselines",
        "SplitConformal": ".calibration",
        "bias": ".metrics",
        "bootstrap_interval": ".bootstrap",
        "coverage": ".metrics",
        "crps_quantiles": ".metrics",
        "default_baselines": ".baselines",
        "diebold_mariano": ".significance",
        "interval_score": ".metrics",
        "interval_width": ".metrics",
        "mae": ".metrics",
        "mase": ".metrics",
        "mase_scale": ".metrics",
        "pinball": ".metrics",
        "residual_autocorrelation": ".residuals",
        "rmse": ".metrics",
        "smape": ".metrics",
        "verdict": ".verdicts",
    },
)
