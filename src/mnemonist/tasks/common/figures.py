"""Drawings that the reports of all jobs have."""

from __future__ import annotations

from mnemonist.runs.report_figures import ACCENT, FAINT, SOFT, drawing, plain_numbers
from mnemonist.training.history import History

__all__ = ["learning_figure"]


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
            ax.margins(y=0.18)
        if min(train) > 0 and max(train) / min(train) > 20:
            ax.set_yscale("log")
        plain_numbers(ax.yaxis)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(loc="upper right")
    return d.svg
