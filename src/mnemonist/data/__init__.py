"""Files to arrays: tables, series, checks, splits, scaling, windows.

Names load on first use, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Finding": "findings",
    "Table": "table",
    "read_table": "table",
    "Scaler": "series",
    "Series": "series",
    "SeriesConfig": "series",
    "SeriesScaler": "series",
    "SeriesSet": "series",
    "Split": "series",
    "Windows": "series",
    "bundled_names": "bundled",
    "bundled_path": "bundled",
    "check_series": "series",
    "load_series": "series",
    "split": "series",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
