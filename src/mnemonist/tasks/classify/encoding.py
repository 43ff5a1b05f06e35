"""Items to what a network reads: numbers of tokens, or scaled values, learnt on the training part."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.labelled import LabelledSet
from mnemonist.data.series import Scaler
from mnemonist.data.text import Tokenizer, Vocabulary, make_tokenizer, tokenizer_from_dict
from mnemonist.errors import ShapeError
from mnemonist.tasks.classify.config import ClassifyConfig

__all__ = ["Encoder", "SeriesEncoder", "TokenEncoder", "encoder_from_dict", "fit_encoder"]

_PAIRS = 5  # there are many more pairs than tokens
_PAIR_COUNT = 3  # rarer ones are learnt by heart: each tells one training text from the others


class Encoder(Protocol):
    """Turns items into steps.

    Attributes:
        width: channels of a step; of tokens how many there are.
    """

    width: int

    def steps(self, item: Any) -> list[Any]:
        """What a person calls the steps of an item: its tokens, or its rows."""
        ...

    def encode(self, steps: Sequence[Any]) -> Tensor:
        """Steps as numbers, (T,) of tokens or (T, C) of values."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        ...


class TokenEncoder:
    """Strings as numbers of tokens, (T,), or of tokens and pairs, (T, 2).

    Args:
        tokenizer: cuts the strings.
        vocabulary: of the tokens.
        pairs: of each token behind the one before it, if pairs are read.

    >>> from mnemonist.data.text import Characters
    >>> encoder = TokenEncoder(Characters(), Vocabulary.build("abba"))
    >>> encoder.encode(encoder.steps("abc")).tolist()
    [1, 2, 0]
    >>> encoder = TokenEncoder(Characters(), encoder.vocabulary, Vocabulary.build(["ab"]))
    >>> encoder.encode(encoder.steps("abc")).tolist()
    [[1, 0], [2, 1], [0, 0]]
    """

    def __init__(
        self, tokenizer: Tokenizer, vocabulary: Vocabulary, pairs: Vocabulary | None = None
    ) -> None:
        self.tokenizer, self.vocabulary, self.pairs = tokenizer, vocabulary, pairs
        self.width = len(vocabulary)

    def steps(self, item: str) -> list[str]:
        return self.tokenizer.tokenize(item)

    def encode(self, steps: Sequence[str]) -> Tensor:
        # an item without any token is one unknown token: a network needs a step to read
        steps = steps or ["<unk>"]
        tokens = torch.from_numpy(self.vocabulary.encode(steps))
        if self.pairs is None:
            return tokens
        return torch.stack([tokens, torch.from_numpy(self.pairs.encode(pairs_of(steps)))], 1)

    def to_dict(self) -> dict[str, Any]:
        return {
            "tokenizer": self.tokenizer.to_dict(),
            "vocabulary": self.vocabulary.to_dict(),
            "pairs": self.pairs and self.pairs.to_dict(),
        }


class SeriesEncoder:
    """Series as scaled values.

    >>> encoder = SeriesEncoder(Scaler("minmax").fit([np.array([[1.0], [3.0]])]), 1)
    >>> encoder.encode(encoder.steps(np.array([[2.0], [3.0]]))).tolist()
    [[0.0], [1.0]]
    """

    def __init__(self, scaler: Scaler, width: int) -> None:
        self.scaler, self.width = scaler, width

    def steps(self, item: np.ndarray) -> list[np.ndarray]:
        return list(np.asarray(item, dtype=float))

    def encode(self, steps: Sequence[np.ndarray]) -> Tensor:
        values = np.stack(steps)
        if values.shape[1:] != (self.width,):
            raise ShapeError(f"a series has {values.shape[1:]} channels; {self.width} are expected")
        return torch.from_numpy(self.scaler.transform(values).astype(np.float32))

    def to_dict(self) -> dict[str, Any]:
        return {"scaler": self.scaler.to_dict(), "width": self.width}


def fit_encoder(train: LabelledSet, config: ClassifyConfig) -> TokenEncoder | SeriesEncoder:
    """The encoder that a resolved configuration describes, learnt from the training part."""
    if train.kind == "series":
        scaler = Scaler(config.scaling).fit(train.items)
        return SeriesEncoder(scaler, len(train.channels))
    tokenizer = make_tokenizer(
        config.tokens or "characters",
        lowercase=bool(config.lowercase),
        lines=train.items,
        vocabulary_size=config.vocabulary_size,
        seed=config.training.seed,
    )
    tokens = [tokenizer.tokenize(item) for item in train.items]
    least = config.min_count or 1
    pairs = None
    if config.pairs:
        found = chain.from_iterable(map(pairs_of, tokens))
        pairs = Vocabulary.build(
            found, max_size=_PAIRS * config.vocabulary_size, min_count=max(least, _PAIR_COUNT)
        )
    vocabulary = Vocabulary.build(
        chain.from_iterable(tokens), max_size=config.vocabulary_size, min_count=least
    )
    return TokenEncoder(tokenizer, vocabulary, pairs)


def encoder_from_dict(saved: dict[str, Any]) -> TokenEncoder | SeriesEncoder:
    """The encoder whose `to_dict` this is."""
    if "scaler" in saved:
        return SeriesEncoder(Scaler.from_dict(saved["scaler"]), int(saved["width"]))
    pairs = saved.get("pairs")
    return TokenEncoder(
        tokenizer_from_dict(saved["tokenizer"]),
        Vocabulary.from_dict(saved["vocabulary"]),
        pairs and Vocabulary.from_dict(pairs),
    )


def pairs_of(tokens: Sequence[str]) -> list[str]:
    """Each token behind the one before it; a line break stands before the first.

    What comes later is no part of a pair, so that a network that reads forwards may be used
    while tokens still arrive.

    >>> pairs_of(["好", "看"])
    ['\\n好', '好看']
    """
    return [before + token for before, token in zip(["\n", *tokens], tokens, strict=False)]


def within(steps: list[Any], limit: int) -> list[Any]:
    """At most `limit` steps: the first half of them and the last.

    >>> within([1, 2, 3, 4, 5], 3)
    [1, 2, 5]
    """
    if len(steps) <= limit:
        return steps
    last = limit // 2
    return steps[: limit - last] + steps[-last:]
