"""Drawings that the reports of all jobs have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.runs.report_figures import ACCENT, FAINT, INK, SOFT, drawing, plain_numbers
from mnemonist.training.history import History

__all__ = ["confusion_figure", "learning_figure", "shortened"]

_WRITTEN, _NAMED = 12, 40


def learning_figure(history: History) -> str:
    """Training and validation loss by epoch, and the epoch whose weights are kept."""
    epochs = history.column("epoch")
    train, valid = history.column("train_loss"), history.column("valid_loss")
    with drawing("learning", height=2.5) as d:
        ax = d.axes()
        marker = "o" if len(epochs) < 3 else None
        ax.plot(epochs, train, color=FAINT, label="training", marker=marker)
        if valid[0] is not None:
            ax.plot(epochs, valid, color=ACCENT, label="validation", marker=marker)
        if history.best_epoch:
            best = valid[history.best_epoch - 1]
            ax.plot([history.best_epoch], [best], "o", color=ACCENT, ms=6)
            ax.annotate(
                f"kept: epoch {history.best_epoch}",
                (history.best_epoch, best),
                xytext=(0, -12),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8.5,
                color=SOFT,
            )
            ax.margins(y=0.28)
        if min(train) > 0 and max(train) / min(train) > 20:
            ax.set_yscale("log")
        plain_numbers(ax.yaxis)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        ax.legend(loc="upper right")
    return d.svg


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> str:
    """True class by row, predicted class by column, as shares of the row.

    Args:
        matrix: (K, K) counts.
        names: of the K classes.
    """
    count = len(names)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with drawing("confusion", height=min(2.2 + 0.24 * count, 7.5)) as d:
        ax = d.axes()
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        if count <= (_WRITTEN // 2 if d.narrow else _WRITTEN):
            for row, column in np.argwhere(matrix > 0):
                colour = "white" if shares[row, column] > 0.55 else INK
                ax.text(
                    column, row, f"{matrix[row, column]:,}",
                    ha="center", va="center", color=colour, fontsize=8.5,
                )  # fmt: skip
        every = range(0, count, 1 if count <= _NAMED else -(-count // _NAMED))
        shown = [shortened(names[k]) for k in every]
        long = max(map(len, shown)) * count > (24 if d.narrow else 60)
        ax.set_xticks(every, shown, rotation=90 if long else 0)
        ax.set_yticks(every, shown)
        ax.grid(False)
        ax.set_xlabel("predicted")
        ax.set_ylabel("true")
    return d.svg


def shortened(name: str, limit: int = 18) -> str:
    """A name that fits beside an axis."""
    return name if len(name) <= limit else name[: limit - 1] + "…"
