"""Time series: loading, checking, splitting, scaling, windows.

>>> import numpy as np
>>> from mnemonist.data.series import SeriesSet, Windows
>>> data = SeriesSet.from_arrays(np.sin(np.arange(1000) / 5))
>>> len(Windows(data, window=5, horizon=1))
995
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.findings import Finding
    from mnemonist.data.series.check import check_series
    from mnemonist.data.series.config import SeriesConfig
    from mnemonist.data.series.load import load_series
    from mnemonist.data.series.model import Series, SeriesSet
    from mnemonist.data.series.scaling import Scaler, SeriesScaler
    from mnemonist.data.series.season import autocorrelation, infer_season
    from mnemonist.data.series.splitting import Split, split
    from mnemonist.data.series.windows import Windows
    from mnemonist.data.table import Table, read_table

__all__ = [
    "Finding",
    "Scaler",
    "Series",
    "SeriesConfig",
    "SeriesScaler",
    "SeriesSet",
    "Split",
    "Table",
    "Windows",
    "autocorrelation",
    "check_series",
    "infer_season",
    "load_series",
    "read_table",
    "split",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Finding": "..findings",
        "Scaler": ".scaling",
        "Series": ".model",
        "SeriesConfig": ".config",
        "SeriesScaler": ".scaling",
        "SeriesSet": ".model",
        "Split": ".splitting",
        "Table": "..table",
        "Windows": ".windows",
        "autocorrelation": ".season",
        "check_series": ".check",
        "infer_season": ".season",
        "load_series": ".load",
        "read_table": "..table",
        "split": ".splitting",
    },
)
