"""Drawings for reports: matplotlib to SVG whose text stays text.

Text is written as SVG text, not as outlines, so that the reader's browser chooses the
font: a Chinese column name shows as such wherever the browser has the script.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "BAND",
    "FAINT",
    "INK",
    "LINE",
    "NAIVE",
    "OTHERS",
    "SOFT",
    "Drawn",
    "drawing",
    "drawn",
    "plain_numbers",
    "thin",
]

INK, SOFT, FAINT, LINE = "#1c2430", "#566173", "#8a94a3", "#e3e7ec"
ACCENT, BAND, NAIVE = "#1f5fa8", "#9cc3ee", "#c77d12"
OTHERS = ("#1b7f4b", "#8f4aa8", "#b4391f", "#5b7083", "#0f7f86", "#a3791b", "#c06090")

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": "#b9c1cb",
    "axes.linewidth": 0.8,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.5,
    "lines.solid_joinstyle": "round",
    "text.parse_math": False,
}


_WIDE, _NARROW = 8.6, 3.8
_LABEL = 44  # characters of an axis's label that fit below a drawing for a phone
_ON_A_PHONE = ContextVar("_ON_A_PHONE", default=False)


class Drawn(NamedTuple):
    """One drawing at two widths, as SVG: for a page, and for a phone."""

    wide: str
    narrow: str


def drawn(draw: Callable[..., str], *arguments: Any) -> Drawn:
    """What `draw` makes of the arguments, once for a page and once for a phone.

    Text keeps its size; what does not fit beside each other on the phone goes below each other,
    which `draw` sees to by ``narrow`` of its `drawing`.
    """
    wide = draw(*arguments)
    token = _ON_A_PHONE.set(True)
    try:
        return Drawn(wide, draw(*arguments))
    finally:
        _ON_A_PHONE.reset(token)


class _Drawing:
    """A figure under construction; `svg` holds it once the block has ended."""

    def __init__(self, figure: Figure, *, narrow: bool) -> None:
        self.figure, self.narrow = figure, narrow
        self.svg = ""

    def axes(self, rows: int = 1, columns: int = 1, **options: Any) -> Any:
        """One Axes, or an array of them."""
        return self.figure.subplots(rows, columns, **options)


@contextmanager
def drawing(name: str, *, height: float = 3.0) -> Iterator[_Drawing]:
    """Draw a figure; its SVG is ready when the block ends.

    Args:
        name: distinguishes the figure's internal ids from those of others on the page.
        height: inches at 100 % zoom.

    >>> with drawing("line", height=2) as d:
    ...     _ = d.axes().plot([0, 1], label="产量 < 10")
    >>> "<svg" in d.svg, "http://" in d.svg.replace("http://www.w3.org", "")
    (True, False)
    """
    import matplotlib
    from matplotlib.figure import Figure

    narrow = _ON_A_PHONE.get()
    style: Any = {**_STYLE, "svg.hashsalt": f"{name} on a phone" if narrow else name}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Glyphs that matplotlib's own font lacks come from the browser's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        size = (_NARROW if narrow else _WIDE, height)
        draft = _Drawing(Figure(figsize=size, layout="constrained"), narrow=narrow)
        yield draft
        if narrow:
            for ax in draft.figure.axes:
                ax.set_xlabel(textwrap.fill(ax.get_xlabel(), _LABEL))
        buffer = io.StringIO()
        draft.figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
        draft.svg = _tidy(buffer.getvalue())


_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def _tidy(svg: str) -> str:
    """Only the <svg> element, with its size left to the page, without metadata."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(width|height)="[^"]*"', "", opening)
    return f"{opening}>{rest}".strip()


def plain_numbers(axis: Any) -> None:
    """Label an axis with numbers as one writes them, 12,000 and 0.001, in logarithms too."""
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}".replace("-", "\N{MINUS SIGN}"))
    axis.set_minor_formatter(lambda value, _: "")


def thin(count: int, limit: int = 2000) -> slice:
    """A slice that keeps at most about `limit` of `count` points, so that a page stays small."""
    return slice(None, None, max(1, -(-count // limit)))
