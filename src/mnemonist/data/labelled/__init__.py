"""Sequences with a label each: texts, multivariate series, strings of one-letter symbols.

>>> from mnemonist.data.labelled import LabelledSet, class_weights
>>> data = LabelledSet.from_items(["so good", "so bad", "very good"], ["pos", "neg", "pos"])
>>> data.classes, data.labels.tolist()
(('neg', 'pos'), [1, 0, 1])
>>> class_weights(data.labels, len(data.classes)).tolist()
[1.5, 0.75]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.findings import Finding
    from mnemonist.data.labelled.check import check_labelled
    from mnemonist.data.labelled.config import LabelledConfig
    from mnemonist.data.labelled.duplicates import without_duplicates
    from mnemonist.data.labelled.load import load_labelled
    from mnemonist.data.labelled.model import LabelledSet
    from mnemonist.data.labelled.splitting import LabelledSplit, load_labelled_split, split_labelled
    from mnemonist.data.labelled.weights import class_weights

__all__ = [
    "Finding",
    "LabelledConfig",
    "LabelledSet",
    "LabelledSplit",
    "check_labelled",
    "class_weights",
    "load_labelled",
    "load_labelled_split",
    "split_labelled",
    "without_duplicates",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Finding": "..findings",
        "LabelledConfig": ".config",
        "LabelledSet": ".model",
        "LabelledSplit": ".splitting",
        "check_labelled": ".check",
        "class_weights": ".weights",
        "load_labelled": ".load",
        "load_labelled_split": ".splitting",
        "split_labelled": ".splitting",
        "without_duplicates": ".duplicates",
    },
)
