"""The model without context: how often each token is seen."""

from __future__ import annotations

import numpy as np

from mnemonist.decoding.ngram._sequences import TokenData, join_training
from mnemonist.decoding.ngram.model import Level, NGramModel
from mnemonist.errors import ConfigError

__all__ = ["Unigram"]


class Unigram(NGramModel):
    """p(w) = (c(w) + α) / (N + α V): relative frequencies, smoothed by adding α to each count.

    Args:
        add: α above 0; 1 is Laplace's rule. Without it a new token would have no probability.

    Raises:
        ConfigError: `add` is not above 0.

    >>> Unigram().fit([0, 0, 1], vocabulary_size=3).next([])
    array([0.5       , 0.33333333, 0.16666667])
    """

    def __init__(self, add: float = 1.0) -> None:
        if not 0 < add < float("inf"):
            raise ConfigError(f"add={add}: a number above 0, added to every count")
        self.add = add

    def fit(self, data: TokenData, vocabulary_size: int, *, eos: int | None = None) -> Unigram:
        """Count; returns itself. Arguments and errors are those of `KneserNey.fit`."""
        joined = join_training(data, order=1, vocabulary_size=vocabulary_size, eos=eos)
        counts = np.bincount(joined.tokens, minlength=vocabulary_size)[:vocabulary_size] + self.add
        log_prob = np.append(np.log(counts / counts.sum()), -np.inf)
        symbols = np.arange(vocabulary_size + 1)
        self.levels, self._eos = [Level(symbols, log_prob, np.zeros(len(symbols)))], eos
        return self
