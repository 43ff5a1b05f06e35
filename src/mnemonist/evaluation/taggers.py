"""Baselines for tagging: what a token is by itself, and what a window around it says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from mnemonist.errors import DataError

__all__ = ["MostFrequentTag", "Tagger", "WindowedPerceptron"]

Tokens = Sequence[Sequence[str]]
Tags = Sequence[Sequence[str]]

_ENTRIES = 1 << 26
_LARGEST, _UPDATES = 256, 500
_AT_ONCE = 4096


class Tagger(ABC):
    """Gives a tag to each token, after `fit`.

    Attributes:
        name: as shown in tables.
    """

    name: str

    @abstractmethod
    def fit(self, tokens: Tokens, tags: Tags) -> Tagger:
        """Learn from n sentences: their tokens, and as many tags."""

    @abstractmethod
    def predict(self, tokens: Tokens) -> list[list[str]]:
        """The tags of n sentences."""


class MostFrequentTag(Tagger):
    """The tag that a token most often has in training.

    A token that training lacks gets the most frequent tag of the tokens that occur once there
    (Baayen & Sproat 1996).

    >>> tagger = MostFrequentTag().fit([["the", "dog"], ["the", "cat"]], [["D", "N"]] * 2)
    >>> tagger.predict([["the", "cow"]])
    [['D', 'N']]
    """

    name = "most frequent tag"

    def fit(self, tokens: Tokens, tags: Tags) -> MostFrequentTag:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for words, own in _pairs(tokens, tags):
            for word, tag in zip(words, own, strict=True):
                counts[word][tag] += 1
        once = Counter(tag for own in counts.values() if own.total() == 1 for tag in own)
        self._unseen = _most(once or sum(counts.values(), Counter()))
        self._tags = {word: _most(own) for word, own in counts.items()}
        return self

    def predict(self, tokens: Tokens) -> list[list[str]]:
        return [[self._tags.get(word, self._unseen) for word in words] for words in tokens]


class WindowedPerceptron(Tagger):
    """An averaged perceptron on the tokens around each one, every tag on its own (Collins 2002).

    Features are hashed: the token and two on each side, five pairs of them, and of tokens with
    several characters the first and last one to four and which kinds of characters there are. No
    feature sees a tag, so that nothing ties the tags of a sentence. Rows are gone through in a
    drawn order, of large data a few hundred at a time with the weights before them.

    Args:
        epochs: passes over the training part.
        seed: of the order.
        entries: weights at most, which bounds the memory to 8 bytes for each.

    >>> tagger = WindowedPerceptron().fit([["a", "b"], ["c", "b"]] * 9, [["X", "Y"], ["X", "Z"]] * 9)
    >>> tagger.predict([["c", "b"], ["a", "b"]])
    [['X', 'Z'], ['X', 'Y']]
    """

    name = "windowed perceptron"

    def __init__(self, *, epochs: int = 4, seed: int = 0, entries: int = _ENTRIES) -> None:
        self.epochs, self.seed, self.entries = epochs, seed, entries

    def fit(self, tokens: Tokens, tags: Tags) -> WindowedPerceptron:
        flat = [tag for _, own in _pairs(tokens, tags) for tag in own]
        names, truth = np.unique(flat, return_inverse=True)
        self._names: list[str] = names.tolist()
        count = len(names)
        self._bits = max(8, int(np.log2(max(self.entries // count, 256))))
        self._affixes = any(len(word) > 1 for words in tokens for word in words)
        features = self._features(tokens)
        weights = np.zeros((1 << self._bits, count), dtype=np.float32)
        # the average is weights - late / steps, where late sums each change times its time
        late = np.zeros_like(weights)
        generator = np.random.default_rng(self.seed)
        size = min(_LARGEST, 1 + len(truth) // _UPDATES)
        steps = 1
        for _ in range(self.epochs):
            order = generator.permutation(len(truth))
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                _update(weights, late, features[rows], truth[rows], steps)
                steps += 1
        self._weights = weights - late / steps
        return self

    def predict(self, tokens: Tokens) -> list[list[str]]:
        features = self._features(tokens)
        best = [
            _scores(self._weights, features[start : start + _AT_ONCE]).argmax(axis=1)
            for start in range(0, len(features), _AT_ONCE)
        ]
        tags = iter(np.concatenate([np.zeros(0, dtype=int), *best]).tolist())
        return [[self._names[next(tags)] for _ in words] for words in tokens]

    def _features(self, tokens: Tokens) -> np.ndarray:
        """(N, F) the rows of the weights that each token looks at."""
        spelt, where = _distinct(tokens)
        own = np.array([crc32(word.encode("utf-8", "surrogatepass")) for word in spelt], np.uint64)
        around = _around(own[where], np.array([len(words) for words in tokens], dtype=np.int64))
        left2, left, here, right, right2 = around
        columns = [*around, _both(left2, left), _both(left, here), _both(here, right)]
        columns += [_both(right, right2), _both(left, right), np.zeros_like(here)]
        if self._affixes:
            parts = np.array([_affixes(word) for word in spelt], dtype=np.uint64)
            columns += list(parts.reshape(len(spelt), -1)[where].T)
        shift = np.uint64(64 - self._bits)
        found = np.empty((len(here), len(columns)), dtype=np.int32)
        for number, column in enumerate(columns):
            found[:, number] = _both(column, np.full_like(column, number)) >> shift
        return found


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(values: np.ndarray) -> np.ndarray:
    """A hash of 64-bit numbers whose high bits depend on all of them (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _mixed(first * _ODD + second + np.uint64(1))


def _around(here: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The tokens from two before to two behind each; beyond the sentence a number each."""
    ends = np.cumsum(lengths)
    place = np.arange(len(here)) - np.repeat(ends - lengths, lengths)
    behind = np.repeat(lengths, lengths) - 1 - place
    found = []
    for step in (-2, -1, 0, 1, 2):
        shifted = np.roll(here, -step)
        outside = place < -step if step < 0 else behind < step
        # no token has a number of more than 32 bits
        shifted[outside] = np.uint64(1 << 40)
        found.append(shifted)
    return found


def _affixes(word: str) -> list[int]:
    parts = [word[:1], word[:2], word[:3], word[-1:], word[-2:], word[-3:], word[-4:]]
    signs = "".join(
        sign
        for sign, there in (
            ("A", word[:1].isupper()),
            ("B", any(map(str.isupper, word[1:]))),
            ("0", any(map(str.isdigit, word))),
            ("-", "-" in word),
        )
        if there
    )
    texts = [*parts, signs, word.lower()]
    return [crc32(text.encode("utf-8", "surrogatepass")) for text in texts]


def _distinct(tokens: Tokens) -> tuple[list[str], np.ndarray]:
    """Every token once, and the number of each place's."""
    numbers: dict[str, int] = {}
    where = [numbers.setdefault(word, len(numbers)) for words in tokens for word in words]
    return list(numbers), np.array(where, dtype=np.int64)


def _scores(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """(n, K): the sum of the rows that each token looks at."""
    from scipy.sparse import csr_matrix

    rows, width = features.shape
    ends = np.arange(0, rows * width + 1, width)
    ones = np.ones(rows * width, dtype=weights.dtype)
    chosen: Any = csr_matrix((ones, features.ravel(), ends), shape=(rows, len(weights)))
    return np.asarray(chosen @ weights)


def _update(
    weights: np.ndarray, late: np.ndarray, features: np.ndarray, truth: np.ndarray, steps: int
) -> None:
    given = _scores(weights, features).argmax(axis=1)
    wrong = np.flatnonzero(given != truth)
    if not len(wrong):
        return
    rows = features[wrong].ravel()
    for tags, change in ((truth, 1.0), (given, -1.0)):
        columns = np.repeat(tags[wrong], features.shape[1])
        np.add.at(weights, (rows, columns), np.float32(change))
        np.add.at(late, (rows, columns), np.float32(change * steps))


def _pairs(tokens: Tokens, tags: Tags) -> list[tuple[Sequence[str], Sequence[str]]]:
    if len(tokens) != len(tags) or not sum(map(len, tokens)):
        raise DataError(f"{len(tokens)} sentences and tags of {len(tags)}: as many, with tokens.")
    for number, (words, own) in enumerate(zip(tokens, tags, strict=True)):
        if len(words) != len(own):
            raise DataError(f"sentence {number} has {len(words)} tokens and {len(own)} tags.")
    return list(zip(tokens, tags, strict=True))


def _most(counts: Counter[str]) -> str:
    """The most frequent; of several the first by name, so that no order decides."""
    return min(counts, key=lambda tag: (-counts[tag], tag))
