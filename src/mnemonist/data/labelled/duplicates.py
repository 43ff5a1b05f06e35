"""Items that are equal: found by their content, counted, left out."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.model import LabelledSet

__all__ = [
    "content_digest",
    "content_groups",
    "contradicting",
    "drops_duplicates",
    "without_duplicates",
]


def content_groups(*sets: LabelledSet) -> list[np.ndarray]:
    """For each set, (N,) a number for each item; equal items have equal numbers, in all sets.

    >>> train = LabelledSet.from_items(["a", "b", "a"], [0, 1, 0])
    >>> test = LabelledSet.from_items(["b", "c"], [1, 1])
    >>> [numbers.tolist() for numbers in content_groups(train, test)]
    [[0, 1, 0], [1, 2]]
    """
    numbers: dict[bytes, int] = {}
    return [
        np.array(
            [numbers.setdefault(content_digest(item), len(numbers)) for item in one.items],
            dtype=int,
        )
        for one in sets
    ]


def contradicting(data: LabelledSet, groups: np.ndarray) -> np.ndarray:
    """(N,) which items have an equal item of another class."""
    if not len(data):
        return np.zeros(0, dtype=bool)
    size = groups.max() + 1
    low, high = np.full(size, len(data.classes)), np.full(size, -1)
    np.minimum.at(low, groups, data.labels)
    np.maximum.at(high, groups, data.labels)
    return np.asarray((low < high)[groups])


def drops_duplicates(data: LabelledSet, config: LabelledConfig) -> bool:
    """Whether one of equal items is to be kept: as configured, else for text only."""
    return data.kind == "text" if config.deduplicate is None else config.deduplicate


def without_duplicates(data: LabelledSet, config: LabelledConfig | None = None) -> LabelledSet:
    """The set with one of each kind of equal items, where the configuration wants it.

    Of items with equal content and equal label the first is kept: for text by default, for
    series and symbols only with `deduplicate`. Items with equal content and different labels
    stay, or go with `contradictions="drop"`. What was done is told in `.notes`.

    >>> data = LabelledSet.from_items(["a", "b", "a", "b"], [0, 1, 0, 0])
    >>> kept = without_duplicates(data)
    >>> kept.items, kept.notes
    (['a', 'b', 'b'], ['1 of 4 items repeat another with its label and were left out'])
    >>> without_duplicates(data, LabelledConfig(contradictions="drop")).items
    ['a']
    """
    config = config or LabelledConfig()
    (groups,) = content_groups(data)
    keep = np.ones(len(data), dtype=bool)
    notes = list(data.notes)
    if config.contradictions == "drop":
        keep &= ~contradicting(data, groups)
        if not keep.all():
            notes.append(
                f"{np.count_nonzero(~keep):,} items have an equal one of another class and were "
                "left out"
            )
    if drops_duplicates(data, config):
        pairs = np.stack([groups, data.labels], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)
        repeats = np.ones(len(data), dtype=bool)
        repeats[first] = False
        repeats &= keep
        if repeats.any():
            keep &= ~repeats
            notes.append(
                f"{np.count_nonzero(repeats):,} of {len(data):,} items repeat another with its label "
                "and were left out"
            )
    kept = data if keep.all() else data.take(np.flatnonzero(keep))
    return replace(kept, notes=notes)


def content_digest(item: str | np.ndarray) -> bytes:
    """A hash of an item's content."""
    if isinstance(item, str):
        content = item.encode("utf-8", errors="surrogatepass")
    else:
        content = repr(item.shape).encode() + np.ascontiguousarray(item + 0.0).tobytes()
    return hashlib.blake2b(content, digest_size=16).digest()
