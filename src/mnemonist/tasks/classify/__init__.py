"""Classification: from labelled sequences to a network, its rivals and an honest report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.tasks.classify.classifier import SequenceClassifier
    from mnemonist.tasks.classify.config import ClassifyConfig

__all__ = [
    "ClassifyConfig",
    "SequenceClassifier",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "ClassifyConfig": ".config",
        "SequenceClassifier": ".classifier",
    },
)
