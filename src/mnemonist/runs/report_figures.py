"""Drawings for reports: matplotlib to SVG whose text stays text.

Text is written as SVG text, not as outlines, so that the reader's browser chooses the
font: a Chinese column name shows as such wherever the browser has the script.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ACCENT", "BAND", "FAINT", "INK", "LINE", "NAIVE", "OTHERS", "SOFT", "drawing", "thin"]

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


class _Drawing:
    """A figure under construction; `svg` holds it once the block has ended."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = ""

    def axes(self, rows: int = 1, columns: int = 1, **options: Any) -> Any:
        """One Axes, or an array of them."""
        return self.figure.subplots(rows, columns, **options)


@contextmanager
def drawing(name: str, *, width: float = 8.6, height: float = 3.0) -> Iterator[_Drawing]:
    """Draw a figure; its SVG is ready when the block ends.

    Args:
        name: distinguishes the figure's internal ids from those of others on the page.
        width, height: inches at 100 % zoom.

    >>> with drawing("line", height=2) as d:
    ...     _ = d.axes().plot([0, 1], label="产量 < 10")
    >>> "<svg" in d.svg, "http://" in d.svg.replace("http://www.w3.org", "")
    (True, False)
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {**_STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Glyphs that matplotlib's own font lacks come from the browser's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        draft = _Drawing(Figure(figsize=(width, height), layout="constrained"))
        yield draft
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


def thin(count: int, limit: int = 2000) -> slice:
    """A slice that keeps at most about `limit` of `count` points, so that a page stays small."""
    return slice(None, None, max(1, -(-count // limit)))
