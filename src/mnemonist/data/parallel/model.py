"""Pairs of texts in memory, each with the line it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["ParallelSet"]


@dataclass(frozen=True)
class ParallelSet:
    """N pairs of a source and a target.

    Attributes:
        sources, targets: the N texts of each side, without white space around them.
        lines: (N,) the file line of each pair, counted from 1.
        name: the file as named.
        notes: what was decided while reading.

    >>> pairs = ParallelSet.from_pairs([("eins", "1"), ("zwei", "2")])
    >>> len(pairs), pairs.swapped().sources, pairs.take([1]).targets
    (2, ['1', '2'], ['2'])
    """

    sources: list[str]
    targets: list[str]
    lines: np.ndarray
    name: str = "pairs"
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]], *, name: str = "pairs") -> ParallelSet:
        """Pairs that are in memory already, numbered from 1."""
        both = [(source.strip(), target.strip()) for source, target in pairs]
        return cls(
            [source for source, _ in both],
            [target for _, target in both],
            np.arange(1, len(both) + 1),
            name,
        )

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, index: ArrayLike) -> ParallelSet:
        """The pairs at these places, in this order."""
        chosen = np.asarray(index, dtype=np.int64)
        return replace(
            self,
            sources=[self.sources[k] for k in chosen],
            targets=[self.targets[k] for k in chosen],
            lines=self.lines[chosen],
        )

    def swapped(self) -> ParallelSet:
        """The same pairs for the other direction."""
        return replace(self, sources=self.targets, targets=self.sources)
