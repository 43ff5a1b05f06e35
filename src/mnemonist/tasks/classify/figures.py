"""The drawings of a classifier's report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnemonist.data.labelled import LabelledSplit
from mnemonist.evaluation.reliability import reliability_curve
from mnemonist.runs.report_figures import (
    ACCENT,
    BAND,
    FAINT,
    OTHERS,
    SOFT,
    drawing,
    plain_numbers,
)
from mnemonist.tasks.classify.score import SHARES, Evaluation
from mnemonist.tasks.common.figures import shortened

__all__ = [
    "classes_figure",
    "early_figure",
    "lengths_figure",
    "prefix_figure",
    "reliability_figure",
]

_NAMED = 40


def reliability_figure(found: Evaluation) -> str:
    """Accuracy by confidence, and how many items have which confidence."""
    curve = reliability_curve(found.truth, found.probabilities, bins=10)
    middle = (curve.edges[1:] + curve.edges[:-1]) / 2
    filled = curve.counts > 0
    with drawing("reliability", height=3.6) as d:
        top, bottom = d.axes(2, 1, sharex=True, height_ratios=[3, 1])
        top.plot([0, 1], [0, 1], color=FAINT, lw=0.9, ls=(0, (4, 3)))
        top.bar(middle[filled], curve.accuracy[filled], width=0.092, color=BAND)
        top.plot(curve.confidence[filled], curve.accuracy[filled], "o-", color=ACCENT, ms=4, lw=1.2)
        top.set_ylabel("accuracy")
        top.set_ylim(0, 1.02)
        bottom.bar(middle, curve.counts, width=0.092, color=FAINT)
        bottom.set_ylabel("items")
        plain_numbers(bottom.yaxis)
        bottom.set_xlabel("probability of the predicted class")
        bottom.set_xlim(0, 1)
    return d.svg


def early_figure(found: Evaluation) -> str:
    """Accuracy by the share of an item that has been read."""
    with drawing("early", height=2.5) as d:
        ax = d.axes()
        ax.plot([100 * share for share in SHARES], found.early, "o-", color=ACCENT, ms=4)
        ax.set_xlabel("per cent of the item read")
        ax.set_ylabel("accuracy")
        ax.set_ylim(top=1.02)
        plain_numbers(ax.yaxis)
    return d.svg


def prefix_figure(
    ends: Sequence[int], probabilities: np.ndarray, classes: Sequence[str], labels: Sequence[str]
) -> str:
    """The probabilities of the classes as an item is read.

    Args:
        ends: P numbers of steps read.
        probabilities: (P, K).
        classes: the K names.
        labels: what stands at each of the places, or none.
    """
    shown = np.argsort(-probabilities.max(axis=0), kind="stable")[:4]
    with drawing(f"prefix {ends[-1]} {classes[shown[0]]}", height=2.3) as d:
        ax = d.axes()
        for colour, k in zip((ACCENT, *OTHERS), shown, strict=False):
            ax.plot(ends, probabilities[:, k], color=colour, label=shortened(classes[k], 24))
        ax.set_ylim(-0.02, 1.02)
        ax.set_ylabel("probability")
        if labels and len(labels) <= (22 if d.narrow else 48):
            wide = sum(map(len, labels)) > (36 if d.narrow else 90)
            ax.set_xticks(ends, labels, rotation=90 if wide else 0)
        else:
            ax.set_xlabel("steps read")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2 if d.narrow else 4)
    return d.svg


def classes_figure(parts: LabelledSplit) -> str:
    """How many items each class has in training."""
    counts, names = parts.train.counts, parts.train.classes
    order = np.argsort(-counts, kind="stable")[:_NAMED]
    with drawing("classes", height=min(1.1 + 0.2 * len(order), 6.5)) as d:
        ax = d.axes()
        places = np.arange(len(order))
        ax.barh(places, counts[order], color=ACCENT, height=0.7)
        ax.set_yticks(places, [shortened(names[k]) for k in order])
        ax.invert_yaxis()
        ax.grid(False)
        plain_numbers(ax.xaxis)
        ax.set_xlabel("training items")
    return d.svg


def lengths_figure(parts: LabelledSplit, limit: int) -> str:
    """How long the training items are; beyond the line they are cut."""
    lengths = parts.train.lengths
    with drawing("lengths", height=2.2) as d:
        ax = d.axes()
        top = float(np.quantile(lengths, 0.995))
        low = float(lengths.min())
        edges: Any = np.linspace(low - 0.5, max(top, low + 1) + 0.5, 41)
        ax.hist(np.minimum(lengths, top), bins=edges, color=ACCENT)
        if low <= limit < top:
            ax.axvline(limit, color=SOFT, lw=0.9, ls=(0, (3, 2)))
        plain_numbers(ax.xaxis)
        plain_numbers(ax.yaxis)
        unit = {"text": "characters", "symbols": "symbols", "series": "steps"}[parts.train.kind]
        ax.set_xlabel(unit)
        ax.set_ylabel("training items")
    return d.svg
