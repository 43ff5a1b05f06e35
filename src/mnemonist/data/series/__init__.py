"""Time series: loading, checking, splitting, scaling, windows.

>>> import numpy as np
>>> from mnemonist.data.series import SeriesSet, Windows, split
>>> data = SeriesSet.from_arrays(np.sin(np.arange(1000) / 5))
>>> len(Windows(data, window=5, horizon=1))
995
"""

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
