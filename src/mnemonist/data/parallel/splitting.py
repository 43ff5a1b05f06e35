"""Pairs for training, validation and test, none of which knows a sentence of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnemonist.data.parallel.check import plain
from mnemonist.data.parallel.model import ParallelSet
from mnemonist.errors import ConfigError

__all__ = ["ParallelSplit", "split_parallel"]


@dataclass(frozen=True)
class ParallelSplit:
    """The three parts, each in the order of the file."""

    train: ParallelSet
    valid: ParallelSet
    test: ParallelSet


def split_parallel(
    pairs: ParallelSet,
    *,
    valid: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    together: Literal["source", "either"] = "source",
) -> ParallelSplit:
    """Draw the parts; pairs whose sources are equal stay together.

    Sources that differ in nothing but case, width, white space and punctuation are equal. A part
    may be larger than its share by one group of equal ones.

    Args:
        valid, test: shares of the pairs, 0 or more, together below 1.
        seed: of the draw; same seed, same parts.
        together: "source", or "either" where equal targets too bring pairs together, for a
            split that serves both directions.

    Raises:
        ConfigError: shares that cannot be, or nothing left for training.
    """
    if min(valid, test) < 0 or valid + test >= 1:
        raise ConfigError(f"valid={valid}, test={test}: shares of 0 or more, together below 1")
    groups = _groups(pairs, together)
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    # a group belongs to the part in whose share it begins
    begins = np.empty(len(sizes))
    begins[order] = (np.cumsum(sizes[order]) - sizes[order]) / len(pairs)
    at = begins[groups]
    in_test, in_valid = at < test, (test <= at) & (at < test + valid)
    if in_test.sum() + in_valid.sum() == len(pairs):
        raise ConfigError(
            f"{pairs.name}: {len(pairs)} pairs in {len(sizes)} groups of equal ones leave nothing "
            "for training. Bring more data, or make the other parts smaller"
        )
    parts = (~in_test & ~in_valid, in_valid, in_test)
    return ParallelSplit(*(pairs.take(np.flatnonzero(part)) for part in parts))


def _groups(pairs: ParallelSet, together: str) -> np.ndarray:
    """(N,), the group of each pair, counted from 0 in the order of the file."""
    parent = list(range(len(pairs)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    sides = [pairs.sources] if together == "source" else [pairs.sources, pairs.targets]
    for side in sides:
        first: dict[str, int] = {}
        for k, text in enumerate(side):
            parent[root(k)] = root(first.setdefault(plain(text), k))
    return np.unique([root(k) for k in range(len(pairs))], return_inverse=True)[1]
