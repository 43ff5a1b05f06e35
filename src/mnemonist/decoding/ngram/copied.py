"""What a generated text has copied from the training data: exact, for streams of millions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mnemonist.decoding.ngram._sequences import id_array
from mnemonist.errors import ConfigError

__all__ = ["CopiedSpan", "copied_shares", "longest_copied_span"]

Tokens = np.ndarray | Sequence[int]


class CopiedSpan(NamedTuple):
    """`length` tokens at `position` of the generated text and at `source` of the training data."""

    length: int
    position: int
    source: int


def longest_copied_span(generated: Tokens, training: Tokens) -> CopiedSpan:
    """The longest run of generated tokens that stands in the training data; of several, the first.

    Spans of 1, 2, 4, ... tokens of the generated text get numbers, equal spans equal ones (Karp,
    Miller & Rosenberg 1972), and are looked up in the training data, where only what was found
    before can be found again. A span of another length is two of these that overlap. Nothing is
    hashed, so nothing collides. Five million training tokens take seconds and 200 MB.

    Args:
        generated, training: ids (N,) and (M,); any whole numbers. Put an id that is never
            generated, -1 for instance, between documents of the training data.

    Returns:
        Length 0 where no token of the generated text was in the training data.

    Raises:
        ShapeError, DataError: arrays that are not one-dimensional, of whole numbers.

    >>> longest_copied_span([7, 1, 2, 3, 9], [1, 2, 5, 1, 2, 3])
    CopiedSpan(length=3, position=1, source=3)
    """
    names = _tokens(generated, training)
    if not names.found.any():
        return CopiedSpan(0, 0, 0)
    while (twice := _longer(names, names.span)).found.any():
        names = twice
    shift, beyond = 0, names.span
    while beyond - shift > 1:
        middle = (shift + beyond) // 2
        if _longer(names, middle).found.any():
            shift = middle
        else:
            beyond = middle
    names = _longer(names, shift)
    position = int(np.argmax(names.found[names.generated]))
    source = int(np.argmax(names.training == names.generated[position]))
    return CopiedSpan(names.span, position, source)


def copied_shares(
    generated: Tokens, training: Tokens, lengths: Sequence[int] = (8, 16, 32, 64)
) -> dict[int, float]:
    """For each length, the share of generated tokens in copied spans at least that long.

    Args:
        generated, training: as in `longest_copied_span`.
        lengths: of spans, in tokens.

    Raises:
        ConfigError: a length below 1.
        ShapeError, DataError: as `longest_copied_span`.

    >>> copied_shares([7, 1, 2, 3, 9], [1, 2, 5, 1, 2, 3], lengths=(2, 3, 4))
    {2: 0.6, 3: 0.6, 4: 0.0}
    """
    if any(length < 1 for length in lengths):
        raise ConfigError(f"lengths={list(lengths)}: spans have 1 token or more")
    names, shares = _tokens(generated, training), {}
    size = len(names.generated)
    for length in sorted(lengths):
        while 2 * names.span <= length and names.found.any():
            names = _longer(names, names.span)
        covered = np.zeros(size + 1, np.int64)
        if names.found.any():
            spans = _longer(names, length - names.span)
            starts = np.flatnonzero(spans.found[spans.generated])
            covered[starts] += 1
            covered[starts + length] -= 1
        shares[length] = float((covered[:-1].cumsum() > 0).mean()) if size else 0.0
    return {length: shares[length] for length in lengths}


@dataclass(frozen=True)
class _Names:
    """Numbers for the spans of one length: equal spans have equal numbers.

    Args:
        span: the length.
        generated: (N,) the number of the span that starts here.
        training: (M,) the same, -1 for spans that the generated text lacks.
        found: for each number, whether it occurs in `training`.
    """

    span: int
    generated: np.ndarray
    training: np.ndarray
    found: np.ndarray


def _tokens(generated: Tokens, training: Tokens) -> _Names:
    keys = id_array(generated, "the generated text")
    return _named(1, keys, id_array(training, "the training data"))


def _longer(names: _Names, shift: int) -> _Names:
    """Spans longer by `shift`, at most their own length: one span and another that overlaps."""
    if shift == 0:
        return names
    count = len(names.found)
    own, other = names.generated, names.training
    keys = own[:-shift].astype(np.int64) * count + own[shift:]
    pairs = other[:-shift].astype(np.int64) * count + other[shift:]
    pairs[(other[:-shift] < 0) | (other[shift:] < 0)] = -1
    return _named(names.span + shift, keys, pairs)


def _named(span: int, generated: np.ndarray, training: np.ndarray) -> _Names:
    """Number the keys of the generated text and find them in the training data."""
    keys, numbers = np.unique(generated, return_inverse=True)
    places = np.full(len(training), -1, np.int32)
    found = np.zeros(len(keys), bool)
    if len(keys):
        # most keys of long spans are not even between the first and the last
        near = np.flatnonzero((training >= keys[0]) & (training <= keys[-1]))
        at = np.searchsorted(keys, training[near])
        same = keys[at] == training[near]
        places[near[same]] = at[same]
        found[at[same]] = True
    return _Names(span, numbers.astype(np.int32), places, found)
