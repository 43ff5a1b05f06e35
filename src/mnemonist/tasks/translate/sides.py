"""The two sides of a pair as numbers of tokens, learnt on the training part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from mnemonist.data.parallel import ParallelSet
from mnemonist.data.text import (
    EOS,
    UNK,
    Tokenizer,
    Vocabulary,
    make_tokenizer,
    tokenizer_from_dict,
)
from mnemonist.errors import ConfigError
from mnemonist.tasks.translate.config import TranslateConfig

__all__ = ["Side", "Sides", "fit_sides"]


class Side:
    """Texts of one side as numbers of tokens that end with <eos>, and back.

    >>> from mnemonist.data.text import Characters
    >>> side = Side(Characters(), Vocabulary.build("abba", specials=(UNK, EOS)))
    >>> side.encode(side.tokens("abc")).tolist(), side.text([2, 3])
    ([2, 3, 0, 1], 'ab')
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
        self.tokenizer, self.vocabulary = tokenizer, vocabulary

    def __len__(self) -> int:
        return len(self.vocabulary)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self.tokenizer.tokenize(text)

    def encode(self, tokens: Sequence[str]) -> Tensor:
        """(T + 1,) the numbers of T tokens, and the end."""
        return torch.from_numpy(self.vocabulary.encode([*tokens, EOS]))

    def text(self, numbers: Iterable[int]) -> str:
        """The text of numbers of tokens."""
        return self.tokenizer.join(self.vocabulary.decode(numbers))

    def unknown_rate(self, texts: Sequence[str]) -> float:
        """The share of their tokens that the vocabulary lacks."""
        return self.vocabulary.unknown_rate(chain.from_iterable(map(self.tokens, texts)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"tokenizer": self.tokenizer.to_dict(), "vocabulary": self.vocabulary.to_dict()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Side:
        """The side whose `to_dict` this is."""
        return cls(
            tokenizer_from_dict(saved["tokenizer"]), Vocabulary.from_dict(saved["vocabulary"])
        )


@dataclass(frozen=True)
class Sides:
    """Source and target, and how long targets are.

    Args:
        source, target: the sides.
        ratio: target tokens for each source token, 19 of 20 pairs have fewer.
    """

    source: Side
    target: Side
    ratio: float

    def longest(self, source_tokens: int, bound: int) -> int:
        """The most tokens, the end included, that a translation may have."""
        return min(bound, 10 + int(1.5 * self.ratio * source_tokens)) + 1

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "source": self.source.to_dict(),
            "target": self.target.to_dict(),
            "ratio": self.ratio,
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Sides:
        """The sides whose `to_dict` this is."""
        return cls(
            Side.from_dict(saved["source"]), Side.from_dict(saved["target"]), float(saved["ratio"])
        )


def fit_sides(train: ParallelSet, config: TranslateConfig) -> Sides:
    """What a resolved configuration describes, learnt from the training part.

    Raises:
        ConfigError: no token of a side is frequent enough to be known.
    """
    source = _fit(train.sources, config, "source")
    target = _fit(train.targets, config, "target")
    both = zip(train.sources, train.targets, strict=True)
    ratios = sorted(len(target.tokens(t)) / max(len(source.tokens(s)), 1) for s, t in both)
    return Sides(source, target, ratios[min(int(0.95 * len(ratios)), len(ratios) - 1)])


def _fit(texts: Sequence[str], config: TranslateConfig, name: str) -> Side:
    kind = config.source_tokens if name == "source" else config.target_tokens
    assert kind is not None
    tokenizer = make_tokenizer(
        kind,
        lowercase=config.lowercase == "both" or config.lowercase == name,
        lines=texts,
        vocabulary_size=config.vocabulary_size,
        seed=config.training.seed,
    )
    min_count = config.min_count or (2 if kind in ("words", "spaces") else 1)
    vocabulary = Vocabulary.build(
        chain.from_iterable(map(tokenizer.tokenize, texts)),
        max_size=config.vocabulary_size,
        min_count=min_count,
        specials=(UNK, EOS),
    )
    if len(vocabulary) == 2:
        raise ConfigError(
            f"no token of the {name}s stands {min_count} times in the {len(texts):,} training "
            f"pairs: lower min_count, or cut the text finer ({name}_tokens='characters')"
        )
    return Side(tokenizer, vocabulary)
