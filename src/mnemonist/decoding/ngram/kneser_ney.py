"""Interpolated modified Kneser-Ney: the n-gram model that networks must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnemonist.decoding.ngram._sequences import Joined, TokenData, join_training
from mnemonist.decoding.ngram.model import MAX_ORDER, Level, NGramModel
from mnemonist.errors import ConfigError

__all__ = ["FALLBACK_DISCOUNTS", "KneserNey"]

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""D1, D2, D3+ where the data does not determine them; KenLM's `--discount_fallback`."""


class KneserNey(NGramModel):
    """Interpolated modified Kneser-Ney n-gram model (Chen & Goodman 1999, section 4.1.6).

        p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h ·) + γ(h) p(w | h')
        γ(h) = (D1 N1(h ·) + D2 N2(h ·) + D3 N3+(h ·)) / c(h ·)

    h' is h without its first token; N1, N2 and N3+ are the numbers of tokens that were seen
    once, twice and more often after h. In the highest order c counts occurrences, in lower
    ones the different tokens that stand before the n-gram; an n-gram that begins with BOS has
    nothing before it and keeps its occurrences (Heafield et al. 2013, section 3.2). The start
    of a stream counts as one more token before. Where h was not seen, p(w | h) = p(w | h').

    The order below the first is uniform, 1/V: tokens never seen share γ() of the first order.
    V is what the vocabulary has, special tokens such as <unk> and EOS included, BOS not.

    Discounts are estimated in each order from n_r, the number of n-grams with count r:
    Y = n1 / (n1 + 2 n2), D_r = r - (r + 1) Y n_{r+1} / n_r. Where one of n1, n2, n3 is zero,
    or an estimate is not above zero, that order takes `FALLBACK_DISCOUNTS`. (KenLM lets D_r = 0
    pass, and then a context may leave nothing for the tokens that it has not seen.)

    Args:
        order: n from 1 to 9.

    Attributes:
        discounts: after `fit`, D1, D2, D3+ of each order.

    Raises:
        ConfigError: an order out of range.

    >>> model = KneserNey(2).fit([[0, 1], [0, 2]], vocabulary_size=4, eos=3)
    >>> model.next([0]).round(4).tolist()
    [0.1125, 0.3625, 0.3625, 0.1625]
    """

    discounts: list[tuple[float, float, float]]

    def __init__(self, order: int = 5) -> None:
        if not 1 <= order <= MAX_ORDER:
            raise ConfigError(f"order={order}: n-gram models have an order from 1 to {MAX_ORDER}")
        self._order = order

    @property
    def order(self) -> int:
        """n: a token is predicted from the n-1 tokens before it."""
        return self._order

    def fit(self, data: TokenData, vocabulary_size: int, *, eos: int | None = None) -> KneserNey:
        """Count n-grams and estimate; returns itself.

        Takes 100 to 200 bytes of memory a token, and for each order about 0.2 seconds a million
        tokens (5 million characters, order 6: 6 s on one core).

        Args:
            data: a stream of ids (N,), or several sequences, across which no n-gram reaches.
            vocabulary_size: V; ids are 0 to V-1.
            eos: the id of EOS, for a model of sequences (`NGramModel`).

        Raises:
            ConfigError: an `eos` out of the vocabulary.
            ShapeError, DataError: sequences that do not fit; no tokens at all.
        """
        joined = join_training(data, order=self.order, vocabulary_size=vocabulary_size, eos=eos)
        counts = _count(joined, self.order, vocabulary_size + 1, bounded=eos is not None)
        self.discounts = [_discounts(grams.count) for grams in counts]
        self.levels = _interpolated(counts, self.discounts, vocabulary_size)
        self._eos = eos
        return self


@dataclass
class _Counts:
    """The n-grams of one order (N,): keys as in `Level`, place of the last n-1 tokens, count."""

    keys: np.ndarray
    suffix: np.ndarray
    count: np.ndarray


def _count(joined: Joined, order: int, symbols: int, *, bounded: bool) -> list[_Counts]:
    """Occurrences in the highest order, different left neighbours in those below."""
    tokens, depth = joined.tokens, joined.depth
    place = tokens.copy()  # of the n-gram that ends here, n as far as the loop has come
    occurrences = np.bincount(tokens, minlength=symbols)
    counts = [_Counts(np.arange(symbols), np.zeros(symbols, np.int64), occurrences)]
    for n in range(2, order + 1):
        starts = place[depth == n - 1]
        at = np.flatnonzero(depth >= n)
        shorter = place[at]
        keys, inverse, occurrences = np.unique(
            place[at - 1] * symbols + tokens[at], return_inverse=True, return_counts=True
        )
        suffix = np.empty(len(keys), np.int64)
        suffix[inverse] = shorter
        counts[-1].count = _left_neighbours(suffix, starts, counts[-1].count, bounded)
        counts.append(_Counts(keys, suffix, occurrences))
        place[at] = inverse
    if bounded:
        counts[0].count[symbols - 1] = 0  # BOS is never predicted
    return counts


def _left_neighbours(
    suffix: np.ndarray, starts: np.ndarray, occurrences: np.ndarray, bounded: bool
) -> np.ndarray:
    count = np.bincount(suffix, minlength=len(occurrences))
    if bounded:
        # these begin with BOS, so nothing stands before them anywhere
        count[starts] = occurrences[starts]
    else:
        # once for each n-gram, however many streams begin with it
        count[starts] += 1
    return count


def _discounts(count: np.ndarray) -> tuple[float, float, float]:
    n1, n2, n3, n4 = (int((count == r).sum()) for r in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    d1, d2, d3 = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    if min(d1, d2, d3) <= 0:
        return FALLBACK_DISCOUNTS
    return d1, d2, d3


def _interpolated(
    counts: list[_Counts], discounts: list[tuple[float, float, float]], vocabulary_size: int
) -> list[Level]:
    """From the uniform distribution up, each order mixed with the one below.

    The backoff form is exact: p(w | h) of an n-gram that was seen is stored as it is, and for
    the others only γ(h) p(w | h') is left, so γ(h) is the backoff weight.
    """
    symbols, prob = vocabulary_size + 1, np.array([1 / vocabulary_size])
    probs, weights = [], []
    for grams, discount in zip(counts, discounts):
        context = grams.keys // symbols
        removed = np.array([0.0, *discount])[np.minimum(grams.count, 3)]
        total = np.bincount(context, weights=grams.count, minlength=len(prob))
        left = np.bincount(context, weights=removed, minlength=len(prob))
        gamma = np.divide(left, total, out=np.ones(len(prob)), where=total > 0)
        prob = (grams.count - removed) / total[context] + gamma[context] * prob[grams.suffix]
        probs.append(prob)
        weights.append(gamma)
    probs[0][vocabulary_size] = 0.0  # BOS
    weights.append(np.ones(len(prob)))
    with np.errstate(divide="ignore"):
        return [
            Level(grams.keys, np.log(prob), np.log(gamma))
            for grams, prob, gamma in zip(counts, probs, weights[1:])
        ]
