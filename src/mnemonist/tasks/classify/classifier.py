"""The Python face of classification, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.data.labelled import LabelledSet
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.classify.job import ClassifyPlan
from mnemonist.tasks.classify.plan import Source, plan
from mnemonist.tasks.classify.predictor import Predictor, load_predictor
from mnemonist.tasks.classify.saved import tested_on
from mnemonist.tasks.classify.score import Evaluation
from mnemonist.tasks.common.estimator import Estimator
from mnemonist.tasks.common.programs import Maker

__all__ = ["SequenceClassifier"]

Items = Sequence[str] | Sequence[ArrayLike]


class SequenceClassifier(Estimator[ClassifyConfig, Predictor, Evaluation]):
    """Says which class a sequence belongs to, how surely, and whether a network was worth it.

    >>> texts = [f"{k} sheep" if k % 2 else f"{k} goats" for k in range(40)]
    >>> data = LabelledSet.from_items(texts, ["sheep", "goat"] * 20)
    >>> classifier = SequenceClassifier(cell="gru", hidden_size=4, epochs=2).fit(data)
    >>> classifier.predict_proba(["7 goats", "a sheep"]).shape
    (2, 2)

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of `ClassifyConfig`, `LabelledConfig` or `TrainingConfig`, by its
            own name: tokens, pooling, hidden_size, epochs, seed, ...

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        classes_: the names of the classes, in the order of the probabilities.
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    job = "classify"
    configuration = ClassifyConfig

    @property
    def classes_(self) -> np.ndarray:
        return np.array(self._fitted().classes)

    def predict(self, items: Items) -> np.ndarray:
        """(n,) the names of the likeliest classes of n strings or series (T_n, C)."""
        return self.classes_[self.predict_proba(items).argmax(axis=1)]

    def predict_proba(self, items: Items) -> np.ndarray:
        """(n, K) probabilities of the classes, calibrated on the validation part.

        Raises:
            ShapeError: series with another number of channels than those of training.
        """
        return self._fitted().probabilities(_checked(items))

    def prefix_proba(self, item: str | ArrayLike, most: int = 100) -> tuple[list[int], np.ndarray]:
        """How early the class is known: probabilities after each step, as if it ended there.

        Args:
            item: a string, or a series (T, C).
            most: of a longer item so many places are looked at, evenly spaced.

        Returns:
            P numbers of steps read, and (P, K) probabilities.
        """
        (one,) = _checked([item])
        return self._fitted().prefixes(one, most)

    def score(self, items: Items, labels: Sequence[object]) -> float:
        """The share of items with the right class."""
        if len(items) != len(labels):
            raise ShapeError(f"{len(labels)} labels for {len(items)} items")
        return float(np.mean(self.predict(items) == np.array([str(label) for label in labels])))

    def evaluate(self, source: Source | None = None) -> Evaluation:
        """Results beside the baselines, on the test part of `fit` or on other labelled items.

        Raises:
            ConfigError: a classifier that was loaded has no data to train the baselines on.
            DataError: labels that training lacks.
        """
        if self._trained is None:
            raise ConfigError(
                "a classifier that was loaded has no training part for the baselines: use score, "
                "or `mnemonist eval classify RUN FILE`"
            )
        if source is None:
            return self._trained.evaluation
        return tested_on(self._trained.plan, source).evaluation_of(self._fitted())

    def _plan(self, source: Source, config: ClassifyConfig, cell: Maker | None) -> ClassifyPlan:
        return plan(source, config, cell=cell)

    @classmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> Predictor:
        return load_predictor(folder, cell=cell)


def _checked(items: Items) -> list[Any]:
    """Strings as they are, everything else as (T, C)."""
    if isinstance(items, str):
        raise ShapeError(f"one text was given: a list of texts is expected, [{items[:20]!r}]")
    return LabelledSet.from_items(items).items
