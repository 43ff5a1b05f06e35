"""Surprisal by line, by place in the line and by frequency, as a report shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnemonist.data.text import TokenCorpus
from mnemonist.tasks.language.job import TrainedLanguage
from mnemonist.tasks.language.score import Evaluation

__all__ = ["Curve", "by_frequency", "by_position", "most_surprising", "surprisal_table"]

_LEAST = 50  # tokens behind a point of a curve
_SHORT = 5  # tokens that a line needs to be called surprising


@dataclass(frozen=True)
class Curve:
    """Mean bits of a token by name over the same places.

    Args:
        places: what the tokens were grouped by.
        counts: how many tokens each group has.
        bits: by name.
    """

    places: np.ndarray
    counts: np.ndarray
    bits: dict[str, np.ndarray]


def surprisal_table(trained: TrainedLanguage) -> pd.DataFrame:
    """Every line of the test part: tokens, bits of the network and the best baseline, text."""
    found = trained.evaluation
    part = found.part
    return pd.DataFrame(
        {
            "line": part.lines,
            "tokens": np.diff(part.offsets),
            "bits": _by_line(part, found.network).round(3),
            "baseline_bits": _by_line(part, found.surprisal[found.best_baseline]).round(3),
            "text": [part.text(index) for index in range(len(part))],
        }
    )


def most_surprising(found: Evaluation, count: int = 12) -> list[tuple[int, float, float, str]]:
    """Lines with the most bits a token: line number, bits a token, the baseline's, text."""
    part = found.part
    sizes = np.diff(part.offsets)
    ours = _by_line(part, found.network) / sizes
    theirs = _by_line(part, found.surprisal[found.best_baseline]) / sizes
    ours[sizes < _SHORT] = -np.inf
    order = np.argsort(-ours, kind="stable")[:count]
    return [
        (int(part.lines[k]), float(ours[k]), float(theirs[k]), part.text(int(k)))
        for k in order
        if np.isfinite(ours[k])
    ]


def by_position(found: Evaluation, most: int = 60) -> Curve:
    """Mean bits by the token's place in its line, from 1."""
    part = found.part
    place = np.arange(len(part.ids)) - np.repeat(part.offsets[:-1], np.diff(part.offsets)) + 1
    return _curve(found, np.where(place <= most, place, 0), skip=0)


def by_frequency(found: Evaluation, train_counts: np.ndarray) -> Curve:
    """Mean bits by how often the token stands in training: 0, 1-9, 10-99, ... (by powers of 10).

    Args:
        found: the results.
        train_counts: (V,).
    """
    counts = train_counts[np.asarray(found.part.ids)]
    power = np.floor(np.log10(np.maximum(counts, 1))).astype(np.int64)
    return _curve(found, np.where(counts > 0, power, -1), skip=-2)


def _curve(found: Evaluation, groups: np.ndarray, *, skip: int) -> Curve:
    names, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    kept = (counts >= _LEAST) & (names != skip)
    bits = {
        name: (np.bincount(inverse, values) / counts)[kept]
        for name, values in found.surprisal.items()
    }
    return Curve(names[kept], counts[kept], bits)


def _by_line(part: TokenCorpus, values: np.ndarray) -> np.ndarray:
    return np.add.reduceat(values, part.offsets[:-1])
