"""The classifiers that every network must be compared with.

All share one interface: `fit(items, labels)` on the training part, labels as codes, and
`predict_proba(items)`, (n, K), for any items. Series are arrays (T_n, C), others strings.
"""

from __future__ import annotations

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ConfigError, DataError
from mnemonist.evaluation.dtw import NearestNeighbourDTW

__all__ = [
    "Classifier",
    "Majority",
    "NGrams",
    "NearestNeighbourDTW",
    "PositionalOneHot",
    "SummaryFeatures",
    "default_classifiers",
    "series_features",
]

_WORD = r"\w+|[^\w\s]"
_BATCH = 4096
_COEFFICIENTS = 1 << 22
_CHARACTERS = 20_000_000
_DTW_COST = 4_000_000_000
_QUANTILES = (0.25, 0.5, 0.75)


@runtime_checkable
class Classifier(Protocol):
    """A classifier to be beaten."""

    @property
    def name(self) -> str:
        """As tables show it."""

    def fit(self, items: Sequence[Any], labels: ArrayLike, count: int | None = None) -> Any:
        """Learn from the training part; returns itself.

        Args:
            items: n strings or series.
            labels: (n,) codes.
            count: K; one more than the largest code when None.
        """

    def predict_proba(self, items: Sequence[Any]) -> np.ndarray:
        """(n, K) probabilities."""


class Majority:
    """p_k = n_k / n: always the commonest class, as sure as it is common.

    >>> Majority().fit(["a", "b", "c", "d"], [0, 1, 1, 1]).predict_proba(["e"]).tolist()
    [[0.25, 0.75]]
    """

    name = "majority"

    def fit(self, items: Sequence[Any], labels: ArrayLike, count: int | None = None) -> Majority:
        """Count the classes."""
        counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=count or 0)
        self._shares = counts / counts.sum()
        return self

    def predict_proba(self, items: Sequence[Any]) -> np.ndarray:
        """(n, K)."""
        return np.tile(self._shares, (len(items), 1))


class _Features(ABC):
    """scikit-learn's estimator on features; probabilities for all K classes."""

    def fit(self, items: Sequence[Any], labels: ArrayLike, count: int | None = None) -> Any:
        """Make features and train on them."""
        from sklearn.exceptions import ConvergenceWarning

        codes = np.asarray(labels, dtype=np.int64)
        self._count = count or int(codes.max()) + 1
        seen = np.unique(codes)
        self._only = int(seen[0]) if len(seen) == 1 else None
        features = self._learn_features(items, len(seen))
        if self._only is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._model = self._estimator().fit(features, codes)
        return self

    def predict_proba(self, items: Sequence[Any]) -> np.ndarray:
        """(n, K); 0 for a class that training had no item of."""
        found = np.zeros((len(items), self._count))
        if self._only is not None:
            found[:, self._only] = 1.0
            return found
        for start in range(0, len(items), _BATCH):
            part = self._features(items[start : start + _BATCH])
            found[start : start + _BATCH, self._model.classes_] = self._model.predict_proba(part)
        return found

    @abstractmethod
    def _learn_features(self, items: Sequence[Any], classes: int) -> Any:
        """The features of the training items, once what makes them has learnt from these."""

    @abstractmethod
    def _features(self, items: Sequence[Any]) -> Any:
        """The features of items."""

    def _estimator(self) -> Any:
        return _logistic(self.penalty, self.max_iter)

    penalty, max_iter = 1.0, 200


class NGrams(_Features):
    """Logistic regression on the n-grams of characters, or of words, weighed by tf-idf.

    n-grams are hashed (Weinberger et al. 2009), so memory does not grow with the text: into 2^18
    features at most, fewer where there are many classes, so that a model has at most 2^22
    coefficients.

    Args:
        unit: "characters", "words" (with punctuation), or "symbols" (characters in upper case,
            called k-mers).
        orders: the shortest and the longest n.
        penalty: C of `sklearn.linear_model.LogisticRegression`, the inverse of the penalty.
        max_iter: steps of its solver at most.
        max_characters: of more training text, every second, third, ... item is taken, so that
            memory is bounded.

    >>> model = NGrams("words", (1, 1)).fit(["so good", "good", "so bad", "bad"], [1, 1, 0, 0])
    >>> model.predict_proba(["good good"]).argmax(axis=1).tolist()
    [1]
    """

    def __init__(
        self,
        unit: Literal["characters", "words", "symbols"] = "characters",
        orders: tuple[int, int] = (1, 3),
        *,
        penalty: float = 10.0,
        max_iter: int = 100,
        max_characters: int = _CHARACTERS,
    ) -> None:
        if not 1 <= orders[0] <= orders[1]:
            raise ConfigError(f"orders={orders}: the shortest and the longest n, from 1.")
        self.unit, self.orders = unit, orders
        self.penalty, self.max_iter, self.max_characters = penalty, max_iter, max_characters

    def fit(self, items: Sequence[str], labels: ArrayLike, count: int | None = None) -> NGrams:
        """Count the n-grams and train on them."""
        codes = np.asarray(labels, dtype=np.int64)
        step = self.step(items)
        super().fit(items[::step], codes[::step], count or int(codes.max()) + 1)
        return self

    def step(self, items: Sequence[str]) -> int:
        """1 where all items are trained on, 2 where every second is, and so on."""
        return max(1, -(-sum(map(len, items)) // self.max_characters))

    @property
    def name(self) -> str:
        """With the orders."""
        low, high = self.orders
        span = f"{low}-{high}" if low < high else str(low)
        what = "k-mers" if self.unit == "symbols" else f"{self.unit[:-1]} n-grams"
        return f"{what} ({span}), logistic regression"

    def _learn_features(self, items: Sequence[str], classes: int) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

        rows = 1 if classes == 2 else classes
        width = min(1 << 18, 1 << max(8, (_COEFFICIENTS // rows).bit_length() - 1))
        self._hashing = HashingVectorizer(
            analyzer="word" if self.unit == "words" else "char",
            token_pattern=_WORD,
            ngram_range=self.orders,
            n_features=width,
            alternate_sign=False,
            norm=None,
        )
        self._weights = TfidfTransformer(sublinear_tf=True)
        hashed = self._hashed(items)
        # features that never occur would only cost time
        self._used = np.unique(hashed.indices)
        return self._weights.fit_transform(hashed[:, self._used])

    def _features(self, items: Sequence[str]) -> Any:
        return self._weights.transform(self._hashed(items)[:, self._used])

    def _hashed(self, items: Sequence[str]) -> Any:
        # with a space around it, how a text begins and ends is told from its middle
        around = " " if self.unit == "characters" else ""
        return self._hashing.transform(around + item + around for item in items)


class PositionalOneHot(_Features):
    """Logistic regression on which symbol stands at which place.

    For strings of one length, aligned to each other. Places beyond the longest training string
    and symbols that training lacks count as nothing.

    Args:
        penalty, max_iter: as `NGrams`.
        max_features: symbols times places at most.

    Raises:
        DataError: on fitting, more than `max_features`.

    >>> model = PositionalOneHot().fit(["AAC", "ATC", "CAC", "CTC"], [0, 0, 1, 1])
    >>> model.predict_proba(["AGC"]).argmax(axis=1).tolist()
    [0]
    """

    name = "symbols by place, logistic regression"

    def __init__(
        self, *, penalty: float = 0.1, max_iter: int = 200, max_features: int = 100_000
    ) -> None:
        self.penalty, self.max_iter, self.max_features = penalty, max_iter, max_features

    def _learn_features(self, items: Sequence[str], classes: int) -> Any:
        symbols = sorted(set().union(*items))
        self._codes = {symbol: code for code, symbol in enumerate(symbols)}
        self._places = max(map(len, items))
        if len(symbols) * self._places > self.max_features:
            raise DataError(
                f"{len(symbols)} symbols at {self._places:,} places are more than "
                f"{self.max_features:,} features; cut the items, or raise max_features."
            )
        return self._features(items)

    def _features(self, items: Sequence[str]) -> Any:
        from scipy.sparse import csr_matrix

        width = len(self._codes)
        columns = [
            [
                at * width + self._codes[s]
                for at, s in enumerate(item[: self._places])
                if s in self._codes
            ]
            for item in items
        ]
        ends = np.cumsum([0, *map(len, columns)])
        flat = np.array([column for row in columns for column in row], dtype=np.int64)
        shape = (len(items), width * self._places)
        return csr_matrix((np.ones(len(flat)), flat, ends), shape=shape)


class SummaryFeatures(_Features):
    """A linear model or a forest on the summaries of `series_features`.

    Args:
        model: "logistic" (on standardised features) or "forest" (500 trees).
        seed: of the forest.
        penalty, max_iter: as `NGrams`.

    >>> train = [np.full((9, 1), k % 2 + 0.01 * k) for k in range(10)]
    >>> model = SummaryFeatures().fit(train, [k % 2 for k in range(10)])
    >>> model.predict_proba([np.full((5, 1), 1.0)]).argmax(axis=1).tolist()
    [1]
    """

    def __init__(
        self,
        model: Literal["logistic", "forest"] = "logistic",
        *,
        seed: int = 0,
        penalty: float = 1.0,
        max_iter: int = 500,
    ) -> None:
        self.model, self.seed, self.penalty, self.max_iter = model, seed, penalty, max_iter

    @property
    def name(self) -> str:
        """With the model."""
        chosen = {"logistic": "logistic regression", "forest": "random forest"}[self.model]
        return f"summary features, {chosen}"

    def _learn_features(self, items: Sequence[np.ndarray], classes: int) -> Any:
        features = series_features(items)
        self._shift, scale = features.mean(axis=0), features.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        return (features - self._shift) / self._scale

    def _features(self, items: Sequence[np.ndarray]) -> Any:
        return (series_features(items) - self._shift) / self._scale

    def _estimator(self) -> Any:
        if self.model == "logistic":
            return _logistic(self.penalty, self.max_iter)
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(500, random_state=self.seed, n_jobs=1)


def series_features(items: Sequence[np.ndarray]) -> np.ndarray:
    """(n, 13 C + 1): the length, and for each channel what describes it.

    Mean, standard deviation, minimum, maximum, quartiles, slope over the relative time from 0 to
    1, first and last value, mean absolute step, correlation of neighbours, and the share of
    steps above the mean.

    >>> series_features([np.array([[0.0], [1.0], [2.0]])])[0].round(2).tolist()
    [3.0, 1.0, 0.82, 0.0, 2.0, 0.5, 1.0, 1.5, 2.0, 0.0, 2.0, 1.0, 0.0, 0.33]
    """
    return np.stack([_summary(np.asarray(item, dtype=float)) for item in items])


def default_classifiers(
    kind: Literal["text", "series", "symbols"],
    items: Sequence[Any],
    *,
    tested: Sequence[Any] = (),
    seed: int = 0,
) -> tuple[list[Classifier], list[str]]:
    """The baselines for data of this kind, and why others are left out.

    Args:
        kind: of the items.
        items: the training part.
        tested: the items that will be predicted; they decide whether DTW takes too long.
        seed: of the forest.

    >>> found, skipped = default_classifiers("text", ["这本书很好", "质量太差"])
    >>> [one.name for one in found], skipped
    (['majority', 'character n-grams (1-3), logistic regression'], ['word n-grams: the texts have \
no spaces between words'])
    """
    found: list[Classifier] = [Majority()]
    skipped = []
    if kind == "text":
        found.append(NGrams("characters", (1, 3)))
        if (step := NGrams().step(items)) > 1:
            skipped.append(f"n-grams: trained on 1 of {step} items, for the text is long")
        if _has_words(items):
            found.append(NGrams("words", (1, 2)))
        else:
            skipped.append("word n-grams: the texts have no spaces between words")
    elif kind == "symbols":
        lengths = sorted({len(item) for item in items})
        if len(lengths) == 1:
            found.append(PositionalOneHot())
        else:
            skipped.append(
                f"symbols by place: the strings have lengths from {lengths[0]:,} to {lengths[-1]:,}"
            )
        found.append(NGrams("symbols", (2, 5)))
    else:
        cost = NearestNeighbourDTW.cost(items, tested)
        if cost <= _DTW_COST:
            found.append(NearestNeighbourDTW())
        else:
            skipped.append(
                f"1-nearest neighbour by DTW: {cost:.1e} comparisons of values, more than the bound "
                f"of {_DTW_COST:.0e}"
            )
        found += [SummaryFeatures("logistic"), SummaryFeatures("forest", seed=seed)]
    return found, skipped


def _logistic(penalty: float, max_iter: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, max_iter=max_iter)


def _has_words(items: Sequence[str]) -> bool:
    """Whether most texts have a space between letters, as languages with spaces have."""
    head = items[:500]
    return sum(re.search(r"\w \w", item) is not None for item in head) > 0.5 * len(head)


def _summary(item: np.ndarray) -> np.ndarray:
    centred = item - item.mean(axis=0)
    time = np.linspace(-0.5, 0.5, len(item)) if len(item) > 1 else np.zeros(1)
    steps = np.diff(item, axis=0)
    spread = (centred**2).sum(axis=0)
    together = (centred[1:] * centred[:-1]).sum(axis=0)
    rows = [
        item.mean(axis=0),
        item.std(axis=0),
        item.min(axis=0),
        item.max(axis=0),
        *np.quantile(item, _QUANTILES, axis=0),
        time @ centred / max(float((time**2).sum()), 1e-12),
        item[0],
        item[-1],
        np.abs(steps).mean(axis=0) if len(steps) else np.zeros(item.shape[1]),
        np.divide(together, spread, out=np.zeros_like(spread), where=spread > 0),
        (centred > 0).mean(axis=0),
    ]
    return np.concatenate([[len(item)], np.stack(rows, axis=1).ravel()])
