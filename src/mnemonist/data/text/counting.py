"""Counting the tokens of a text that is larger than memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from mnemonist.data.text.lines import Text
from mnemonist.data.text.tokenizer import Characters, Tokenizer
from mnemonist.data.text.vocabulary import EOS, UNK, Vocabulary

__all__ = ["BoundedCounter", "code_points", "count_vocabulary"]

_MAX_TYPES = 1_000_000
CODE_POINTS = 0x110000


class BoundedCounter:
    """Counts of tokens in bounded memory, too low by at most `undercount` each.

    When the table holds more than `bound` types, the count k is found that half as many exceed,
    and all types of count k or below are forgotten, as in lossy counting (Manku & Motwani
    2002). Each time a type loses at most k; the sum of all k is `undercount`. It is 0, and the
    counts are exact, while there are no more than `bound` types.

    >>> counter = BoundedCounter(bound=2)
    >>> counter.update("abacaa")
    >>> counter.counts, counter.undercount
    ({'a': 4}, 1)
    """

    def __init__(self, bound: int = _MAX_TYPES) -> None:
        self._bound = bound
        self._counts: Counter[str] = Counter()
        self.undercount = 0

    @property
    def counts(self) -> dict[str, int]:
        """The count of each type that is remembered."""
        return dict(self._counts)

    def update(self, tokens: Iterable[str]) -> None:
        """Count these, a block at a time."""
        self._counts.update(tokens)
        if len(self._counts) > self._bound:
            self._forget()

    def _forget(self) -> None:
        values = np.fromiter(self._counts.values(), dtype=np.int64, count=len(self._counts))
        place = len(values) - self._bound // 2 - 1
        least = int(np.partition(values, place)[place])
        self._counts = Counter({token: n for token, n in self._counts.items() if n > least})
        self.undercount += least


def count_vocabulary(
    text: Text,
    tokenizer: Tokenizer,
    *,
    lines: int | None = None,
    max_size: int | None = None,
    min_count: int = 1,
    specials: Sequence[str] = (UNK, EOS),
    max_types: int = _MAX_TYPES,
) -> tuple[Vocabulary, int]:
    """The vocabulary of a text, and by how much its counts may be too low.

    Args:
        text, tokenizer: what is counted.
        lines: how many lines from the start, those of the training part; None for all.
        max_size, min_count, specials: as `Vocabulary.build` takes them; "<eos>" counts once a
            line.
        max_types: see `BoundedCounter`.
    """
    left, counter = lines, BoundedCounter(max_types)
    points = np.zeros(CODE_POINTS if isinstance(tokenizer, Characters) else 0, dtype=np.int64)
    ends = 0
    for block in text.blocks():
        kept = block.lines[:left]
        ends += len(kept)
        if isinstance(tokenizer, Characters):
            codes = code_points("".join(tokenizer.normalize_lines(kept)))
            points += np.bincount(codes, minlength=CODE_POINTS)
        else:
            counter.update(token for line in kept for token in tokenizer.tokenize(line))
        if left is not None and (left := left - len(kept)) <= 0:
            break
    counts = counter.counts | {chr(code): int(points[code]) for code in np.flatnonzero(points)}
    if EOS in specials:
        counts[EOS] = counts.get(EOS, 0) + ends
    vocabulary = Vocabulary.from_counts(
        counts, max_size=max_size, min_count=min_count, specials=specials
    )
    return vocabulary, counter.undercount


def code_points(text: str) -> np.ndarray:
    """(len(text),) uint32: the number of each character.

    >>> code_points("a彪").tolist()
    [97, 24426]
    """
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
