"""Tokens and their numbers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from mnemonist.errors import ConfigError, DataError

__all__ = ["BOS", "EOS", "PAD", "UNK", "Vocabulary"]

UNK, EOS, BOS, PAD = "<unk>", "<eos>", "<bos>", "<pad>"
_MAX_SIZE = 10_000_000


class Vocabulary:
    """A list of tokens; a token's number is its place in it.

    Args:
        tokens: all of them, the special ones first.
        specials: how many of them are special: signs such as "<unk>" that stand for no text. A
            token of the text that is spelt like one of them is taken for it.
        counts: how often each token stood in the text it was built from.

    Raises:
        DataError: a token twice, one that is no text, more than ten million, or as many counts
            as there are tokens are not given.

    >>> words = Vocabulary.build("the cat and the dog".split(), max_size=3)
    >>> words.tokens, words.encode(["the", "dog"]).tolist(), words.decode([1, 0])
    (('<unk>', 'the', 'and'), [1, 0], ['the', '<unk>'])
    """

    def __init__(
        self, tokens: Sequence[str], *, specials: int = 0, counts: Sequence[int] | None = None
    ) -> None:
        if len(tokens) > _MAX_SIZE:
            raise DataError(f"a vocabulary of {len(tokens):,} tokens; at most {_MAX_SIZE:,}.")
        if wrong := [token for token in tokens if not isinstance(token, str) or not token]:
            raise DataError(
                f"a vocabulary holds {wrong[0]!r}; tokens are texts that are not empty."
            )
        self.tokens = tuple(tokens)
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self._numbers) != len(self.tokens):
            twice = next(token for token, n in Counter(self.tokens).items() if n > 1)
            raise DataError(f"the token {twice!r} stands twice in a vocabulary.")
        if not 0 <= specials <= len(self.tokens):
            raise DataError(f"{specials} special tokens among {len(self.tokens)}.")
        if counts is not None and len(counts) != len(self.tokens):
            raise DataError(f"{len(counts)} counts for a vocabulary of {len(self.tokens)} tokens.")
        self.special_tokens = self.tokens[:specials]
        self.counts = None if counts is None else np.array(counts, dtype=np.int64)

    @classmethod
    def build(
        cls,
        tokens: Iterable[str],
        *,
        max_size: int | None = None,
        min_count: int = 1,
        specials: Sequence[str] = (UNK,),
    ) -> Vocabulary:
        """The vocabulary of a text: the special tokens, then by count, then by code point.

        Args:
            tokens: the tokens of the training part, one after the other.
            max_size: how many tokens at most, the special ones among them.
            min_count: a token that is rarer is left out.
            specials: the special tokens in their order.

        Raises:
            ConfigError: max_size leaves no room for the special tokens, or min_count below 1.
        """
        return cls.from_counts(
            Counter(tokens), max_size=max_size, min_count=min_count, specials=specials
        )

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        *,
        max_size: int | None = None,
        min_count: int = 1,
        specials: Sequence[str] = (UNK,),
    ) -> Vocabulary:
        """As `build`, of tokens that are counted already; what is left out counts as unknown.

        >>> Vocabulary.from_counts({"a": 3, "b": 1, "c": 3}, min_count=2).tokens
        ('<unk>', 'a', 'c')
        """
        if max_size is not None and max_size < len(specials):
            raise ConfigError(
                f"max_size={max_size} leaves no room for the special tokens {', '.join(specials)}."
            )
        if min_count < 1:
            raise ConfigError(f"min_count={min_count}: at least 1.")
        known = [
            token for token, count in counts.items() if count >= min_count and token not in specials
        ]
        known.sort(key=lambda token: (-counts[token], token))
        if max_size is not None:
            known = known[: max_size - len(specials)]
        tokens = [*specials, *known]
        listed = [counts.get(token, 0) for token in tokens]
        if UNK in specials:
            listed[tokens.index(UNK)] += sum(counts.values()) - sum(listed)
        return cls(tokens, specials=len(specials), counts=listed)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.tokens == other.tokens and self.special_tokens == other.special_tokens

    def __hash__(self) -> int:
        return hash((self.tokens, self.special_tokens))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.tokens[:8]))
        return f"Vocabulary({len(self)} tokens: {shown}{', ...' if len(self) > 8 else ''})"

    @property
    def unk(self) -> int | None:
        """The number of "<unk>", None without it."""
        return self.number(UNK)

    @property
    def eos(self) -> int | None:
        """The number of "<eos>", None without it."""
        return self.number(EOS)

    @property
    def bos(self) -> int | None:
        """The number of "<bos>", None without it."""
        return self.number(BOS)

    @property
    def pad(self) -> int | None:
        """The number of "<pad>", None without it."""
        return self.number(PAD)

    def number(self, token: str) -> int | None:
        """The number of a token, None where the vocabulary lacks it."""
        return self._numbers.get(token)

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """(len(tokens),) int64: the numbers of tokens; unknown ones have that of "<unk>".

        Raises:
            DataError: an unknown token, and the vocabulary has no "<unk>".
        """
        unknown = -1 if self.unk is None else self.unk
        numbers = np.fromiter(
            map(self._numbers.get, tokens, repeat(unknown)), dtype=np.int64, count=len(tokens)
        )
        if unknown < 0 and (numbers < 0).any():
            at = int(np.argmin(numbers))
            raise DataError(
                f"the token {tokens[at]!r} is not among the {len(self):,} of the vocabulary, which "
                f"has no {UNK}. Take it out of the text, or build the vocabulary with {UNK}."
            )
        return numbers

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The tokens of numbers.

        Raises:
            DataError: a number that no token has.
        """
        listed = [int(number) for number in numbers]
        if listed and not 0 <= min(listed) <= max(listed) < len(self):
            wrong = next(number for number in listed if not 0 <= number < len(self))
            raise DataError(f"no token has the number {wrong}; they go from 0 to {len(self) - 1}.")
        return [self.tokens[number] for number in listed]

    def unknown_rate(self, tokens: Iterable[str]) -> float:
        """The share of the tokens that are unknown, 0 of none.

        >>> Vocabulary.build("abc").unknown_rate("abcd")
        0.25
        """
        total = unknown = 0
        for token in tokens:
            total += 1
            unknown += token == UNK or token not in self._numbers
        return unknown / total if total else 0.0

    @property
    def fingerprint(self) -> str:
        """A hash of the tokens in their order and of how many are special."""
        digest = hashlib.sha256(f"{len(self.special_tokens)}\n".encode())
        for token in self.tokens:
            data = token.encode("utf-8", "surrogatepass")
            digest.update(f"{len(data)}:".encode() + data)
        return digest.hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain JSON values."""
        counts = None if self.counts is None else self.counts.tolist()
        return {
            "tokens": list(self.tokens),
            "specials": len(self.special_tokens),
            "counts": counts,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary whose `to_dict` this is.

        Raises:
            DataError: it is none.
        """
        saved = saved if isinstance(saved, Mapping) else {}
        tokens, specials = saved.get("tokens"), saved.get("specials", 0)
        counts = saved.get("counts")
        if not isinstance(tokens, list) or not isinstance(specials, int):
            raise DataError("no saved vocabulary: a list of tokens and a number of specials.")
        if counts is not None and not (
            isinstance(counts, list) and all(isinstance(n, int) and 0 <= n < 2**63 for n in counts)
        ):
            raise DataError("a saved vocabulary whose counts are not whole numbers.")
        return cls(tokens, specials=specials, counts=counts)
