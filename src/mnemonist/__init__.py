"""Recurrent sequence models on PyTorch: a cell is its equations, a job is done end to end.

The names below are imported when they are first used, so that ``import mnemonist`` and the
command line start at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist import cells, data, engine, errors, evaluation, nn, runs, tasks, training
    from mnemonist.cells import Cell
    from mnemonist.engine.explain import explain
    from mnemonist.engine.unroll import unroll
    from mnemonist.nn import EncoderDecoder, Recurrent
    from mnemonist.tasks.classify import SequenceClassifier
    from mnemonist.tasks.forecast import Forecaster
    from mnemonist.tasks.language import LanguageModel
    from mnemonist.tasks.tag import SequenceTagger
    from mnemonist.tasks.translate import Translator

__version__ = "0.1.0.dev0"

__all__ = [
    "Cell",
    "EncoderDecoder",
    "Forecaster",
    "LanguageModel",
    "Recurrent",
    "SequenceClassifier",
    "SequenceTagger",
    "Translator",
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

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Cell": ".cells",
        "EncoderDecoder": ".nn",
        "Forecaster": ".tasks.forecast",
        "LanguageModel": ".tasks.language",
        "Recurrent": ".nn",
        "SequenceClassifier": ".tasks.classify",
        "SequenceTagger": ".tasks.tag",
        "Translator": ".tasks.translate",
        "explain": ".engine",
        "unroll": ".engine",
    },
    modules=(
        "cells",
        "data",
        "engine",
        "errors",
        "evaluation",
        "nn",
        "runs",
        "tasks",
        "training",
    ),
)
