"""Sentences as what a network reads: numbers of tokens, of pairs of them, of their characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.tags import Scheme, TaggedSet
from mnemonist.data.text import PAD, UNK, Vocabulary
from mnemonist.tasks.tag.config import TagConfig

__all__ = ["Encoder", "Kind", "Tagset", "fit_encoder", "pieces"]

Kind = Literal["tokens", "words", "spans"]
"""What the tags say: one thing of each token, where words end and what they are, or which
tokens are an entity."""

_ENDS = frozenset("。！？；!?;.…")
_CLOSING = frozenset("”’」』）》)\"'")
_SPELLED = 16


@dataclass(frozen=True)
class Tagset:
    """The tags of the training part, in the order of their numbers.

    Args:
        tags: sorted, O first.
        scheme: of them.
        kind: what they say.
    """

    tags: tuple[str, ...]
    scheme: Scheme
    kind: Kind

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags)}

    def encode(self, tags: Sequence[str]) -> Tensor:
        """(T,) numbers of tags.

        Raises:
            KeyError: a tag that training lacks.
        """
        return torch.tensor([self.numbers[tag] for tag in tags])


class Encoder:
    """Tokens as numbers.

    Full-width and half-width forms of a character are the same (NFKC).

    Args:
        tokens: their vocabulary.
        lowercase: whether they are looked up in lower case.
        pairs: vocabulary of neighbouring tokens taken together, if they are read.
        characters: vocabulary of characters, if the tokens' spelling is read.

    >>> encoder = Encoder(Vocabulary.build("abca"), pairs=Vocabulary.build(["ab", "c\\n"]))
    >>> {name: numbers.tolist() for name, numbers in encoder.encode("abd").items()}
    {'tokens': [1, 2, 0], 'pairs': [1, 0, 0]}
    """

    def __init__(
        self,
        tokens: Vocabulary,
        *,
        lowercase: bool = False,
        pairs: Vocabulary | None = None,
        characters: Vocabulary | None = None,
    ) -> None:
        self.tokens, self.lowercase = tokens, lowercase
        self.pairs, self.characters = pairs, characters
        self._spelled: dict[str, np.ndarray] = {}

    def encode(self, tokens: Sequence[str]) -> dict[str, Tensor]:
        """By name: "tokens" (T,), "pairs" (T,) with the next one, "characters" (T, L)."""
        keys = keys_of(tokens, self.lowercase)
        found = {"tokens": self.tokens.encode(keys)}
        if self.pairs is not None:
            found["pairs"] = self.pairs.encode(pairs_of(keys))
        if self.characters is not None:
            found["characters"] = np.stack([self._spelling(token) for token in tokens])
        return {name: torch.from_numpy(numbers) for name, numbers in found.items()}

    def unknown(self, tokens: Sequence[str]) -> np.ndarray:
        """(T,) whether a token has no vector of its own."""
        return self.tokens.encode(keys_of(tokens, self.lowercase)) == self.tokens.unk

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        parts = {"tokens": self.tokens, "pairs": self.pairs, "characters": self.characters}
        saved = {name: part and part.to_dict() for name, part in parts.items()}
        return {**saved, "lowercase": self.lowercase}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Encoder:
        """The encoder whose `to_dict` this is."""
        tokens, pairs, characters = (
            saved[name] and Vocabulary.from_dict(saved[name])
            for name in ("tokens", "pairs", "characters")
        )
        return cls(tokens, lowercase=saved["lowercase"], pairs=pairs, characters=characters)

    def _spelling(self, token: str) -> np.ndarray:
        """Its characters, of a long one the first and the last ones."""
        if token not in self._spelled:
            assert self.characters is not None
            shown = (
                token
                if len(token) <= _SPELLED
                else token[: _SPELLED // 2] + token[-_SPELLED // 2 :]
            )
            numbers = np.zeros(_SPELLED, dtype=np.int32)
            numbers[: len(shown)] = self.characters.encode(list(shown))
            if len(self._spelled) > 200_000:
                self._spelled.clear()
            self._spelled[token] = numbers
        return self._spelled[token]


def fit_encoder(train: TaggedSet, config: TagConfig) -> Encoder:
    """The encoder that a resolved configuration describes, learnt from the training part."""
    lower = bool(config.lowercase)
    size, least = config.vocabulary_size, config.min_count
    keys = [keys_of(sentence.tokens, lower) for sentence in train]
    pairs = characters = None
    if config.pairs:
        pairs = Vocabulary.build(
            (pair for one in keys for pair in pairs_of(one)), max_size=size, min_count=least
        )
    if config.spelling:
        spelled = (character for one in train for token in one.tokens for character in token)
        characters = Vocabulary.build(spelled, specials=(PAD, UNK), min_count=least)
    tokens = Vocabulary.build((key for one in keys for key in one), max_size=size, min_count=least)
    return Encoder(tokens, lowercase=lower, pairs=pairs, characters=characters)


def keys_of(tokens: Iterable[str], lowercase: bool) -> list[str]:
    """Tokens as they are looked up.

    >>> keys_of(["Ａ", "b", "，"], True)
    ['a', 'b', ',']
    """
    plain = (
        token if token.isascii() else unicodedata.normalize("NFKC", token) or token
        for token in tokens
    )
    return [token.lower() for token in plain] if lowercase else list(plain)


def pairs_of(keys: Sequence[str]) -> list[str]:
    """Each token with the one behind it; a line break stands behind the last."""
    return [first + second for first, second in zip(keys, [*keys[1:], "\n"], strict=True)]


def pieces(tokens: Sequence[str], limit: int) -> Iterator[tuple[int, int]]:
    """(start, end) of parts of at most `limit` tokens, cut behind the end of a sentence if any.

    >>> list(pieces("ab.cd.efghij", 7)), list(pieces("abc", 7)), list(pieces("", 7))
    ([(0, 6), (6, 12)], [(0, 3)], [])
    """
    start = 0
    while len(tokens) - start > limit:
        end = start + limit
        while end > start and tokens[end - 1] not in _ENDS:
            end -= 1
        while start < end < start + limit and tokens[end] in _CLOSING:
            end += 1
        end = end if end > start else start + limit
        yield start, end
        start = end
    if start < len(tokens):
        yield start, len(tokens)
