"""N-gram models in backoff form: sorted tables that score half a million tokens in a second."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnemonist.decoding.ngram._sequences import Joined, TokenData, checked_ids, join
from mnemonist.errors import ConfigError, DataError

__all__ = ["MAX_ORDER", "Level", "NGramModel", "TokenModel", "find"]

MAX_ORDER = 9


class TokenModel(ABC):
    """A language model over token ids: what it needs to say, and what follows from that."""

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """V; ids are 0 to V-1."""

    @property
    @abstractmethod
    def eos(self) -> int | None:
        """The id that ends a sequence, or None in a model of streams."""

    @abstractmethod
    def log_probs(self, data: TokenData) -> np.ndarray:
        """ln p of every token given those before it in its sequence."""

    @abstractmethod
    def next(self, context: Sequence[int] | np.ndarray) -> np.ndarray:
        """The probabilities (V,) of the token after `context`."""

    def perplexity(self, data: TokenData) -> float:
        """exp of the mean of -ln p over all tokens, the EOS of sequences among them.

        Raises:
            DataError: no tokens, or what `log_probs` refuses.
        """
        scores = self.log_probs(data)
        if not len(scores):
            raise DataError("there are no tokens to take a perplexity of")
        return float(np.exp(-scores.mean()))

    def sample(
        self,
        length: int,
        generator: np.random.Generator,
        context: Sequence[int] | np.ndarray = (),
    ) -> np.ndarray:
        """Draw what follows a context, at most `length` tokens; ends before an EOS.

        Each token is drawn from the whole distribution by inversion, with one number of the
        generator: the same seed gives the same tokens.

        >>> from mnemonist.decoding.ngram import KneserNey
        >>> model = KneserNey(3).fit(np.arange(1000) % 4, 4)
        >>> model.sample(6, np.random.default_rng(0), context=[1, 2]).tolist()
        [3, 0, 1, 2, 3, 0]
        """
        tokens = list(context)
        for _ in range(length):
            total = self.next(tokens).cumsum()
            drawn = np.searchsorted(total, generator.random() * total[-1], side="right")
            # rounding can carry the product up to the total itself
            token = min(int(drawn), self.vocabulary_size - 1)
            if token == self.eos:
                break
            tokens.append(token)
        return np.array(tokens[len(context) :], np.int64)


@dataclass(frozen=True)
class Level:
    """The n-grams of one order as a trie level, N of them.

    An n-gram is known by its place in `keys`; the n-grams with one context lie side by side.

    Args:
        keys: (N,) int64, ascending: place of the first n-1 tokens in the level below times
            (V + 1), plus the last token. On the first level the ids themselves, 0 to V (BOS).
        log_prob: (N,) ln p(last token | the others).
        log_backoff: (N,) ln of the weight of shorter contexts where this n-gram is the context
            and the token after it was not seen there; 0 for what is no context.
    """

    keys: np.ndarray
    log_prob: np.ndarray
    log_backoff: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)


class NGramModel(TokenModel):
    """An n-gram language model in backoff form (Katz 1987).

    ln p(w | h) is the n-gram's own where "h w" is in the tables, and otherwise
    ln bow(h) + ln p(w | h without its first token). Interpolated models have this form too
    (see `KneserNey`), and ARPA files hold it.

    With an `eos` the model is one of sequences: each is scored between its boundaries, the
    first token after BOS, and last of all EOS. Without, it is one of streams: nothing stands
    before the first token, which is scored with no context, and nothing is added at the end.

    The vocabulary has V ids, 0 to V-1, with EOS where the model has one; BOS is the id V, is
    only ever context and has no probability.

    Args:
        levels: orders 1 to n.
        eos: the id that ends a sequence, or None.
    """

    levels: list[Level]
    _eos: int | None = None

    def __init__(self, levels: Sequence[Level], *, eos: int | None = None) -> None:
        self.levels = list(levels)
        self._eos = eos

    @property
    def eos(self) -> int | None:
        """The id that ends a sequence, or None."""
        return self._eos

    @property
    def order(self) -> int:
        """n: a token is predicted from the n-1 tokens before it."""
        return len(self._fitted())

    @property
    def vocabulary_size(self) -> int:
        """V, without BOS."""
        return len(self._fitted()[0]) - 1

    @property
    def sizes(self) -> list[int]:
        """How many n-grams there are of each order."""
        return [len(level) for level in self._fitted()]

    def log_probs(self, data: TokenData) -> np.ndarray:
        """Natural logarithms of the probabilities of all tokens, each given those before it.

        Args:
            data: ids (T,), or several such sequences, which do not see one another.

        Returns:
            (T,), or (T+1,) with the EOS of a model of sequences; of several sequences, one
            after the other.

        Raises:
            ShapeError, DataError: as `join` says: ids out of the vocabulary and the like.
        """
        levels, bos = self._fitted(), self.vocabulary_size
        joined = join(data, order=len(levels), vocabulary_size=bos, eos=self.eos)
        scores = _scores(levels, joined)
        return scores if self.eos is None else scores[joined.tokens != bos]

    def next(self, context: Sequence[int] | np.ndarray) -> np.ndarray:
        """The probabilities (V,) of the token after `context`.

        Args:
            context: the tokens since the sequence (or stream) began; none at its start.
        """
        levels, bos = self._fitted(), self.vocabulary_size
        reach = len(levels) - 1
        recent = context[max(0, len(context) - reach) :]
        history = checked_ids(recent, bos, "the context")
        if self.eos is not None and len(history) < reach:
            history = np.concatenate([[bos], history])
        prob = np.exp(levels[0].log_prob[:bos])
        places = _places(levels, Joined(history, np.arange(1, len(history) + 1)))
        for place, level, above in zip(places, levels, levels[1:]):
            # a context that is not listed says nothing, nor that longer ones are not (ARPA files)
            if not len(history) or (node := int(place[-1])) < 0:
                continue
            prob *= np.exp(level.log_backoff[node])
            first, last = np.searchsorted(above.keys, [node * (bos + 1), (node + 1) * (bos + 1)])
            prob[above.keys[first:last] % (bos + 1)] = np.exp(above.log_prob[first:last])
        return prob

    def _fitted(self) -> list[Level]:
        if not hasattr(self, "levels"):
            raise ConfigError(f"this {type(self).__name__} has seen no data yet; call fit first")
        return self.levels


def find(level: Level, context: np.ndarray, token: np.ndarray, symbols: int) -> np.ndarray:
    """The places (K,) in a level of the n-grams "context token"; -1 where there is none.

    Args:
        context: (K,) places in the level below, or -1.
        token: (K,) ids.
        symbols: V + 1.
    """
    places = np.full(len(context), -1)
    known = np.flatnonzero(context >= 0)
    if not len(level) or not len(known):
        return places
    keys = context[known] * symbols + token[known]
    at = np.minimum(np.searchsorted(level.keys, keys), len(level) - 1)
    places[known] = np.where(level.keys[at] == keys, at, -1)
    return places


def _places(levels: list[Level], joined: Joined) -> Iterator[np.ndarray]:
    """For the orders 1 to n, the places (N,) of the n-grams that end at each token, or -1."""
    place = joined.tokens
    yield place
    for order, level in enumerate(levels[1:], 2):
        context = np.concatenate([[-1], place[:-1]])[: len(place)]
        context[joined.depth < order] = -1
        place = find(level, context, joined.tokens, len(levels[0]))
        yield place


def _scores(levels: list[Level], joined: Joined) -> np.ndarray:
    """(N,) log-probabilities, by all orders from the first up."""
    scores = np.zeros(len(joined.tokens))
    weight = np.zeros(len(joined.tokens))  # that of the context, which ends a token before
    for order, (place, level) in enumerate(zip(_places(levels, joined), levels), 1):
        seen = np.flatnonzero(place >= 0)
        scores += weight
        scores[seen] = level.log_prob[place[seen]]
        weight = np.zeros(len(scores) + 1)
        weight[seen + 1] = level.log_backoff[place[seen]]
        weight = np.where(joined.depth > order, weight[:-1], 0.0)
    return scores
