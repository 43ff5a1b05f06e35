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
    from mnemonist.evaluation.translation import TranslationScore, translation_scores
    from mnemonist.evaluation.translation_baselines import (
        CopySource,
        MostFrequentTarget,
        NearestSource,
        TranslationBaseline,
        default_translation_baselines,
    )
    from mnemonist.evaluation.verdicts import verdict

__all__ = [
    "ETS",
    "Baseline",
    "ConformalQuantiles",
    "CopySource",
    "DieboldMariano",
    "Drift",
    "Interval",
    "LastValue",
    "LinearAutoregression",
    "MLPTime",
    "MLPWindows",
    "MostFrequentTarget",
    "NearestSource",
    "PairedBootstrap",
    "ResidualAutocorrelation",
    "ResidualQuantiles",
    "ResultTable",
    "Row",
    "SeasonalNaive",
    "SplitConformal",
    "TranslationBaseline",
    "TranslationScore",
    "bias",
    "bootstrap_interval",
    "coverage",
    "crps_quantiles",
    "default_baselines",
    "default_translation_baselines",
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
    "translation_scores",
    "verdict",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Baseline": ".baselines",
        "ConformalQuantiles": ".calibration",
        "CopySource": ".translation_baselines",
        "DieboldMariano": ".significance",
        "Drift": ".baselines",
        "ETS": ".baselines",
        "Interval": ".bootstrap",
        "LastValue": ".baselines",
        "LinearAutoregression": ".baselines",
        "MLPTime": ".baselines",
        "MLPWindows": ".baselines",
        "MostFrequentTarget": ".translation_baselines",
        "NearestSource": ".translation_baselines",
        "PairedBootstrap": ".resampling",
        "ResidualAutocorrelation": ".residuals",
        "ResidualQuantiles": ".baselines",
        "ResultTable": ".results",
        "Row": ".results",
        "SeasonalNaive": ".baselines",
        "SplitConformal": ".calibration",
        "TranslationBaseline": ".translation_baselines",
        "TranslationScore": ".translation",
        "bias": ".metrics",
        "bootstrap_interval": ".bootstrap",
        "coverage": ".metrics",
        "crps_quantiles": ".metrics",
        "default_baselines": ".baselines",
        "default_translation_baselines": ".translation_baselines",
        "diebold_mariano": ".significance",
        "interval_of_sums": ".resampling",
        "interval_score": ".metrics",
        "interval_width": ".metrics",
        "mae": ".metrics",
        "mase": ".metrics",
        "mase_scale": ".metrics",
        "paired_bootstrap": ".resampling",
        "pinball": ".metrics",
        "residual_autocorrelation": ".residuals",
        "rmse": ".metrics",
        "smape": ".metrics",
        "translation_scores": ".translation",
        "verdict": ".verdicts",
    },
)
