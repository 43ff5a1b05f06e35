"""The drawings of a translator's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.runs.report_figures import ACCENT, BAND, FAINT, NAIVE, drawing, plain_numbers
from mnemonist.tasks.translate.score import Exposure

__all__ = ["attention_figure", "exposure_figure", "lengths_figure"]

_ENOUGH = 10  # targets with a token at a place, for its mean to be shown


def attention_figure(source: Sequence[str], translation: Sequence[str], weights: np.ndarray) -> str:
    """Each token of the translation by row, what it looked at in the source by column.

    Args:
        source: S tokens.
        translation: T tokens.
        weights: (T, S).
    """
    with drawing(f"attention {''.join(source)}", height=1.1 + 0.21 * len(translation)) as d:
        ax = d.axes()
        ax.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        wide = sum(len(token) + 2 for token in source) > (30 if d.narrow else 90)
        ax.set_xticks(range(len(source)), _shown(source))
        for label in ax.get_xticklabels():  # a single character needs no turning
            label.set_rotation(90 if wide and len(label.get_text()) > 1 else 0)
        ax.set_yticks(range(len(translation)), _shown(translation))
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(False)
    return d.svg


def exposure_figure(found: Exposure) -> str:
    """The loss at each place, with targets fed in and with the network's own words."""
    enough = found.counts >= min(_ENOUGH, found.counts.max())
    places = np.flatnonzero(enough) + 1
    with drawing("exposure", height=2.5) as d:
        ax = d.axes()
        ax.plot(places, found.free[enough], color=NAIVE, label="reading its own words")
        ax.plot(places, found.forced[enough], color=ACCENT, label="reading the targets")
        ax.set_ylim(bottom=0)
        plain_numbers(ax.yaxis)
        ax.set_xlabel("token of the target")
        ax.set_ylabel("nats per token")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1 if d.narrow else 2)
    return d.svg


def lengths_figure(
    groups: Sequence[tuple[str, int]],
    ours: Sequence[float],
    rival: Sequence[float],
    names: tuple[str, str],
    measure: str,
) -> str:
    """A measure by the length of the source, the network beside the best baseline.

    Args:
        groups: lengths as they are shown, and how many sources have them.
        ours, rival: the measure of each group.
        names: of the network and the baseline.
        measure: its name.
    """
    places = np.arange(len(groups))
    with drawing("lengths", height=2.6) as d:
        ax = d.axes()
        ax.bar(places - 0.2, ours, width=0.38, color=ACCENT, label=names[0])
        ax.bar(places + 0.2, rival, width=0.38, color=BAND, label=names[1])
        ax.set_xticks(places, [f"{shown}\n{count:,}" for shown, count in groups])
        ax.set_xlabel("tokens of the source; below, how many test sentences")
        ax.set_ylabel(measure)
        ax.set_ylim(bottom=0)
        ax.axhline(0, color=FAINT, lw=0.8)
        plain_numbers(ax.yaxis)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1 if d.narrow else 2)
    return d.svg


def _shown(tokens: Sequence[str]) -> list[str]:
    """Tokens with their spaces visible."""
    return [token.replace(" ", "␣") for token in tokens]
