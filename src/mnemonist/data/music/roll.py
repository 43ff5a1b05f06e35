"""Piano rolls: time to the right, pitch upwards, a colour for each voice."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mnemonist.data.music.score import Score, note_name
from mnemonist.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["piano_roll"]

# Okabe and Ito (2008), told apart by eyes of every kind; the yellow is left out on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_INK, _BAR, _BLACK_KEY = "#1c2430", "#9aa4b2", "#f1f3f6"
_FONTS = ("Noto Sans CJK SC", "Noto Serif CJK SC", "PingFang SC", "Microsoft YaHei", "SimHei")
_LABELLED_BARS = 24


def piano_roll(score: Score, *, bars: tuple[int, int] | None = None) -> Figure:
    """Draw a score; `figure.savefig("tune.png")` keeps it.

    Args:
        bars: the first and last bar to be drawn, counted from 1 as played; all where None.

    Raises:
        DataError: no notes in what is to be drawn.

    >>> from mnemonist.data.music import score_of
    >>> figure = piano_roll(score_of("M:2/4 K:C V:2 N67:1 N48:2 N65:1 |".split()))
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['voice 1', 'voice 2']
    """
    from matplotlib.figure import Figure

    lines = [0.0, *map(float, score.bars)]
    first, last = (0.0, float(score.length)) if bars is None else _span(lines, bars)
    drawn = [
        [note for note in voice.notes if note.start < last and note.end > first]
        for voice in score.voices
    ]
    pitches = [note.pitch for notes in drawn for note in notes]
    if not pitches:
        raise DataError("there are no notes to draw; choose other bars.")
    low, high = min(pitches) - 1, max(pitches) + 1
    width = min(16.0, max(6.0, 1.5 + 0.22 * (last - first)))
    height = min(9.0, max(2.6, 1.2 + 0.12 * (high - low)))
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            axes.axhspan(pitch - 0.5, pitch + 0.5, color=_BLACK_KEY, linewidth=0, zorder=0)
    for place, (voice, notes) in enumerate(zip(score.voices, drawn)):
        colour = _COLOURS[place % len(_COLOURS)]
        axes.barh(
            [note.pitch for note in notes],
            [float(note.duration) for note in notes],
            left=[float(note.start) for note in notes],
            # Later voices are narrower, so that a unison shows all of its voices.
            height=0.85 - 0.35 * place / len(score.voices),
            color=colour,
            edgecolor="white",
            linewidth=0.6,
            label=voice.name or f"voice {place + 1}",
            zorder=2,
        )
    axes.set(xlim=(first, last), ylim=(low - 0.5, high + 0.5))
    axes.vlines(lines[1:], low - 0.5, high + 0.5, color=_BAR, linewidth=0.8, zorder=1)
    _label(figure, axes, score, lines, (first, last))
    return figure


def _label(
    figure: Figure, axes: Axes, score: Score, lines: list[float], span: tuple[float, float]
) -> None:
    """Names of the Cs, numbers of the bars, title and legend."""
    low, high = axes.get_ylim()
    named = [pitch for pitch in range(int(low) + 1, int(high) + 1) if pitch % 12 in (0, 7)]
    axes.set_yticks(named, [note_name(pitch) for pitch in named])
    starts = [(time, bar) for bar, time in enumerate(lines[:-1], 1) if span[0] <= time < span[1]]
    if starts:
        every = starts[:: max(1, -(-len(starts) // _LABELLED_BARS))]
        axes.set_xticks([time for time, _ in every], [str(bar) for _, bar in every])
    axes.set_xlabel("bar" if starts else "quarter notes", color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, length=0)
    texts = [axes.set_title(score.title, loc="left", color=_INK)]
    if len(score.voices) > 1:
        handles, labels = axes.get_legend_handles_labels()
        columns = min(6, len(score.voices))
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, frameon=False
        )
        texts += legend.get_texts()
    for text in texts:
        text.set_fontfamily(["DejaVu Sans", *_installed()])


@cache
def _installed() -> tuple[str, ...]:
    """The fonts at hand that have Chinese characters, for titles."""
    from matplotlib.font_manager import fontManager

    names = set(fontManager.get_font_names())
    return tuple(name for name in _FONTS if name in names)


def _span(lines: list[float], bars: tuple[int, int]) -> tuple[float, float]:
    first, last = bars
    if not 1 <= first <= last < len(lines):
        raise DataError(f"bars {first} to {last}: the score has the bars 1 to {len(lines) - 1}.")
    return lines[first - 1], lines[last]
