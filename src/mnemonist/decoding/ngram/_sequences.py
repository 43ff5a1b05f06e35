"""Sequences of token ids laid end to end, so that all of them are counted or scored at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnemonist.errors import ConfigError, DataError, ShapeError

__all__ = ["Joined", "TokenData", "checked_ids", "id_array", "join", "join_training"]

TokenData = np.ndarray | Sequence[int] | Iterable[Any]
"""One sequence of ids, or several: a stream (N,), or an iterable of such arrays or lists."""


@dataclass(frozen=True)
class Joined:
    """The sequences one after the other, each with its boundaries where the model has them.

    Args:
        tokens: (N,) int64; BOS has the id `vocabulary_size`.
        depth: (N,) how many tokens of its own sequence end here, BOS and the token itself
            among them: the longest n-gram that ends here. At most the order.
    """

    tokens: np.ndarray
    depth: np.ndarray


def join(data: TokenData, *, order: int, vocabulary_size: int, eos: int | None) -> Joined:
    """Lay sequences end to end; with an `eos`, each between BOS and that id.

    Raises:
        ShapeError: a sequence that is not one-dimensional.
        DataError: ids that are no whole numbers, out of the vocabulary, or an EOS inside.
        ConfigError: an `eos` out of the vocabulary.
    """
    if eos is not None and not 0 <= eos < vocabulary_size:
        raise ConfigError(f"eos={eos}: an id of the vocabulary, 0 to {vocabulary_size - 1}")
    parts, lengths = [], []
    for number, sequence in enumerate(_sequences(data), 1):
        ids = checked_ids(sequence, vocabulary_size, f"sequence {number}")
        if eos is not None:
            if (ids == eos).any():
                raise DataError(
                    f"sequence {number} holds the end of sequence (id {eos}) at position "
                    f"{int(np.argmax(ids == eos))}; give sequences without it, it is added. For a "
                    "stream in which it separates sentences, say eos=None."
                )
            ids = np.concatenate([[vocabulary_size], ids, [eos]])
        parts.append(ids)
        lengths.append(len(ids))
    sizes = np.array(lengths, np.int64)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    depth = np.minimum(np.arange(1, len(starts) + 1) - starts, order)
    return Joined(np.concatenate(parts), depth.astype(np.int8))


def join_training(data: TokenData, *, order: int, vocabulary_size: int, eos: int | None) -> Joined:
    """`join`, and a DataError where there are no tokens at all."""
    joined = join(data, order=order, vocabulary_size=vocabulary_size, eos=eos)
    if not len(joined.tokens):
        raise DataError("there are no tokens to fit an n-gram model to")
    return joined


def checked_ids(ids: Any, vocabulary_size: int, name: str) -> np.ndarray:
    """The ids as an int64 array (N,); `name` says in errors what they are."""
    array = id_array(ids, name)
    wrong = (array < 0) | (array >= vocabulary_size)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{name}, position {at}: id {array[at]}, but the vocabulary has the ids 0 to "
            f"{vocabulary_size - 1}. Give unknown tokens the id of <unk>."
        )
    return array


def id_array(ids: Any, name: str) -> np.ndarray:
    """Any whole numbers as an int64 array (N,)."""
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ShapeError(f"{name} must be one-dimensional, token ids; got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise DataError(f"{name} must hold whole numbers, token ids; got {array.dtype}")
    return array.astype(np.int64)


def _sequences(data: TokenData) -> list[Any]:
    if isinstance(data, np.ndarray):
        return [data]
    items = list(data)
    if not items or isinstance(items[0], int | np.integer):
        return [items]
    return items
