"""Recurrent sequence models on PyTorch: a cell is its equations, a job is done end to end.

The names below are imported when they are first used, so that ``import mnemonist`` and the
command line start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnemonist import cells, data, engine, errors, evaluation, nn, runs, tasks, training
    from mnemonist.cells import Cell
    from mnemonist.engine import explain, unroll
    from mnemonist.nn import EncoderDecoder, Recurrent
    from mnemonist.tasks.forecast import Forecaster

__version__ = "0.1.0.dev0"

__all__ = [
    "Cell",
    "EncoderDecoder",
    "Forecaster",
    "Recurrent",
    "cells",
    "data",
    "engine",
    "errors",
    "evaluation",
    "explain",
    "nn",
    "runs",
    "tasks",
    "training",
    "unroll",
]

_HOMES = {
    "Cell": "mnemonist.cells",
    "EncoderDecoder": "mnemonist.nn",
    "Forecaster": "mnemonist.tasks.forecast",
    "Recurrent": "mnemonist.nn",
    "explain": "mnemonist.engine",
    "unroll": "mnemonist.engine",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"mnemonist.{name}")
    raise AttributeError(f"module 'mnemonist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
