"""The translations that every network must be compared with.

All share one interface: `fit(sources, targets)` on the training part, `translate(sources)` for any
sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from mnemonist.errors import ShapeError

__all__ = [
    "CopySource",
    "MostFrequentTarget",
    "NearestSource",
    "TranslationBaseline",
    "default_translation_baselines",
]

_AT_ONCE = 1 << 24
_FEATURES = 1 << 18


@runtime_checkable
class TranslationBaseline(Protocol):
    """A translation to be beaten."""

    @property
    def name(self) -> str:
        """As tables show it."""

    def fit(self, sources: Sequence[str], targets: Sequence[str]) -> Any:
        """Learn from the training pairs; returns itself."""

    def translate(self, sources: Sequence[str]) -> list[str]:
        """A translation of each source."""


class CopySource:
    """The source itself: names, numbers and signs are right already.

    >>> CopySource().fit(["eins"], ["one"]).translate(["1"])
    ['1']
    """

    name = "copy the source"

    def fit(self, sources: Sequence[str], targets: Sequence[str]) -> CopySource:
        """Nothing to learn."""
        return self

    def translate(self, sources: Sequence[str]) -> list[str]:
        """The sources."""
        return list(sources)


class MostFrequentTarget:
    """The target that stands most often in training, of equally frequent ones the first.

    >>> MostFrequentTarget().fit(["a", "b", "c"], ["x", "y", "y"]).translate(["d", "e"])
    ['y', 'y']
    """

    name = "most frequent target"

    def fit(self, sources: Sequence[str], targets: Sequence[str]) -> MostFrequentTarget:
        """Count the targets."""
        _check(sources, targets)
        self.target = Counter(targets).most_common(1)[0][0]
        return self

    def translate(self, sources: Sequence[str]) -> list[str]:
        """The same for every source."""
        return [self.target] * len(sources)


class NearestSource:
    """The target of the training source that is the most alike, of equally alike ones the first.

    Alike is the cosine of tf-idf vectors over the 1- to 4-grams of characters, so that it
    works for languages with spaces and without.

    >>> baseline = NearestSource().fit(["我吃苹果", "他喝茶"], ["I eat apples", "He drinks tea"])
    >>> baseline.translate(["我吃米饭", "她喝茶"])
    ['I eat apples', 'He drinks tea']
    """

    name = "nearest training source"

    def fit(self, sources: Sequence[str], targets: Sequence[str]) -> NearestSource:
        """Keep the training pairs."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        _check(sources, targets)
        self.vectorizer = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 4), sublinear_tf=True, max_features=_FEATURES
        )
        self.known = self.vectorizer.fit_transform(sources).T.tocsr()
        self.targets = list(targets)
        return self

    def translate(self, sources: Sequence[str]) -> list[str]:
        """The target of the nearest training source for each."""
        found: list[str] = []
        step = max(1, _AT_ONCE // len(self.targets))
        for start in range(0, len(sources), step):
            asked = self.vectorizer.transform(sources[start : start + step])
            nearest = (asked @ self.known).toarray().argmax(1)
            found += [self.targets[k] for k in nearest]
        return found


def default_translation_baselines() -> list[TranslationBaseline]:
    """Copy the source, the most frequent target, and the nearest training source.

    >>> [baseline.name for baseline in default_translation_baselines()]
    ['copy the source', 'most frequent target', 'nearest training source']
    """
    return [CopySource(), MostFrequentTarget(), NearestSource()]


def _check(sources: Sequence[str], targets: Sequence[str]) -> None:
    if not len(sources) or len(sources) != len(targets):
        raise ShapeError(
            f"{len(sources)} sources and {len(targets)} targets: pairs are needed, at least one"
        )
