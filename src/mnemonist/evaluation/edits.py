"""How many edits lead from one sequence to another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

__all__ = ["edit_distance"]


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The least number of insertions, deletions and substitutions (Levenshtein 1966).

    Args:
        first, second: texts, or lists of tokens, of lengths n and m; takes m steps over rows
            of n numbers.

    >>> edit_distance("kitten", "sitting"), edit_distance("the cat".split(), "a cat".split())
    (3, 1)
    """
    numbers = {token: number for number, token in enumerate(dict.fromkeys(first))}
    ids = np.array([numbers[token] for token in first], dtype=np.int64)
    steps = np.arange(len(ids) + 1)
    row = steps.copy()
    for token in second:
        # within a row the distances grow by at most one a step: min over k of (d_k + steps from k)
        other = ids != numbers.get(token, -1)
        best = np.minimum(row[1:] + 1, row[:-1] + other)
        row = np.minimum.accumulate(np.concatenate([[row[0] + 1], best]) - steps) + steps
    return int(row[-1])
