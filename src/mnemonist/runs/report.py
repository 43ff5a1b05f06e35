"""A report: one HTML file that needs nothing else, no network and no script.

Every job builds its report from the same few blocks. All text that enters a block is
escaped here, once; only `Figure` takes markup, and that comes from our own drawings
(`mnemonist.runs.report_figures`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal, Protocol

from mnemonist.errors import RunFolderError
from mnemonist.runs.report_figures import Drawn
from mnemonist.runs.report_style import STYLE

__all__ = [
    "Block",
    "Bullets",
    "Cell",
    "Code",
    "Facts",
    "Figure",
    "Folded",
    "Numbers",
    "Report",
    "ReportTable",
    "Row",
    "Section",
    "Text",
    "Verdict",
]


class Block(Protocol):
    """A piece of a report that can write itself as HTML."""

    def html(self) -> str: ...


@dataclass(frozen=True)
class Text:
    """A paragraph.

    >>> print(Text("2 < 3").html())
    <p>2 &lt; 3</p>
    """

    text: str
    soft: bool = False

    def html(self) -> str:
        return _element("p", _prose(self.text), "soft" if self.soft else "")


@dataclass(frozen=True)
class Verdict:
    """The sentence on top, and what it rests on."""

    sentence: str
    detail: str = ""
    tone: Literal["good", "even", "bad"] = "even"

    def html(self) -> str:
        detail = _element("p", _prose(self.detail)) if self.detail else ""
        return _element(
            "div", _element("p", _prose(self.sentence)) + detail, f"verdict {self.tone}"
        )


@dataclass(frozen=True)
class Numbers:
    """A few figures, large: (label, value, remark)."""

    items: Sequence[tuple[str, str, str]]

    def html(self) -> str:
        cells = "".join(
            f"<div><dt>{escape(label)}</dt><dd>{escape(value)}{_remark(remark)}</dd></div>"
            for label, value, remark in self.items
        )
        return _element("dl", cells, "numbers")


_LINE = 32  # characters of a table's cell that are never broken


@dataclass(frozen=True)
class Facts:
    """Names and values in two columns."""

    items: Sequence[tuple[str, str]]

    def html(self) -> str:
        rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in self.items)
        return _element("dl", rows, "facts")


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, a smaller remark under it, and whether it is the best."""

    text: str
    remark: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One row; ``ours`` sets off the model that the report is about."""

    cells: Sequence[Cell | str]
    ours: bool = False


@dataclass(frozen=True)
class ReportTable:
    """A table; columns listed in ``text_columns`` are words, the others are numbers."""

    columns: Sequence[str]
    rows: Sequence[Row]
    caption: str = ""
    text_columns: Sequence[int] = (0,)

    def html(self) -> str:
        kind = ["" if i in self.text_columns else "number" for i in range(len(self.columns))]
        head = "".join(
            _element("th", escape(c), k) for c, k in zip(self.columns, kind, strict=True)
        )
        body = "".join(self._row(row, kind) for row in self.rows)
        caption = _element("p", escape(self.caption), "caption") if self.caption else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return _element("div", table, "scroll") + caption

    def _row(self, row: Row, kind: Sequence[str]) -> str:
        cells = [c if isinstance(c, Cell) else Cell(c) for c in row.cells]
        marks = [*(["ours"] if row.ours else []), *(["best"] if any(c.best for c in cells) else [])]
        written = ""
        for cell, k in zip(cells, kind, strict=True):
            classes = [k, *(["wrap"] if not k and len(cell.text) > _LINE else [])]
            classes += ["best"] if cell.best else []
            inner = escape(cell.text) + _remark(cell.remark)
            written += _element("td", inner, " ".join(filter(None, classes)))
        return _element("tr", written, " ".join(marks))


@dataclass(frozen=True)
class Figure:
    """A drawing of ours as SVG, what it shows (for those who cannot see it), and a caption.

    One that comes in two widths is shown in the one that fits the screen.
    """

    drawing: str | Drawn
    alt: str
    caption: str = ""

    def html(self) -> str:
        caption = _element("figcaption", escape(self.caption)) if self.caption else ""
        kinds = ("wide", "narrow") if isinstance(self.drawing, Drawn) else ("",)
        svgs = self.drawing if isinstance(self.drawing, Drawn) else (self.drawing,)
        shown = "".join(
            f'<div class="{kind}" role="img" aria-label="{escape(self.alt)}">{svg}</div>'
            for kind, svg in zip(kinds, svgs, strict=True)
        )
        return f"<figure>{shown}{caption}</figure>"


@dataclass(frozen=True)
class Code:
    """Commands or code, as they are typed."""

    text: str

    def html(self) -> str:
        # an option is not broken at its hyphens where a line has to be
        marked = re.sub(r"(?<!\S)(--[\w.-]+)", r'<span class="whole">\1</span>', escape(self.text))
        return f"<pre><code>{marked}</code></pre>"


@dataclass(frozen=True)
class Bullets:
    """A list; each item is (kind, text), the kind shown as a tag where it is not empty."""

    items: Sequence[tuple[Literal["", "note", "warning", "fatal"], str]]

    def html(self) -> str:
        rows = "".join(
            _element(
                "li", (_element("span", kind, f"tag {kind}") + " " if kind else "") + escape(text)
            )
            for kind, text in self.items
        )
        return _element("ul", rows)


@dataclass(frozen=True)
class Folded:
    """Blocks behind a line that opens them."""

    summary: str
    blocks: Sequence[Block]

    def html(self) -> str:
        inside = "".join(block.html() for block in self.blocks)
        return f"<details><summary>{escape(self.summary)}</summary>{inside}</details>"


@dataclass
class Section:
    """A heading and its blocks."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def add(self, *blocks: Block) -> Section:
        self.blocks.extend(blocks)
        return self

    def html(self) -> str:
        return _element("section", _element("h2", escape(self.title)) + _joined(self.blocks))


@dataclass
class Report:
    """A title, what stands on top, and sections.

    >>> report = Report("Weekly production", kind="Forecast").top(Verdict("Better than naive."))
    >>> report.section("Data").add(Text("1,028 rows of <油井>"))  # doctest: +ELLIPSIS
    Section(...)
    >>> "&lt;油井&gt;" in report.html()
    True

    Args:
        title: the heading and the title of the page.
        kind: the line above it.
        language: of the page, for hyphenation and screen readers.
        footer: the last line.
    """

    title: str
    kind: str = ""
    language: str = "en"
    footer: str = ""
    lead: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)

    def top(self, *blocks: Block) -> Report:
        """Add blocks above the first section."""
        self.lead.extend(blocks)
        return self

    def section(self, title: str) -> Section:
        """A new section at the end."""
        self.sections.append(Section(title))
        return self.sections[-1]

    def html(self) -> str:
        kind = _element("p", escape(self.kind), "kind") if self.kind else ""
        footer = _element("footer", escape(self.footer)) if self.footer else ""
        return (
            f'<!doctype html>\n<html lang="{escape(self.language)}">\n<head>\n'
            '<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<header>{kind}<h1>{escape(self.title)}</h1></header>\n"
            f"{_joined(self.lead)}{_joined(self.sections)}{footer}\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the file, whole or not at all.

        Raises:
            RunFolderError: the place cannot be written.
        """
        path = Path(path)
        draft = path.with_name(f".{path.name}.part")
        try:
            with draft.open("w", encoding="utf-8", newline="\n") as file:
                file.write(self.html())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise RunFolderError(
                f"the report cannot be written to {path}: {error.strerror}. "
                "Check that the folder exists and that you may write in it"
            ) from error
        return path


def _joined(blocks: Sequence[Block]) -> str:
    return "\n".join(block.html() for block in blocks) + "\n"


def _prose(text: str) -> str:
    """Escaped, with p = 0.01, MASE 0.8 and 95 % each kept on one line."""
    kept = re.sub(r"(?<=\bp) ([=<]) (?=\d)", "\u00a0\\1\u00a0", text)
    return escape(re.sub(r"(?<=\d) (?=%)", "\u00a0", kept))


def _element(tag: str, content: str, kind: str = "") -> str:
    """One element around content that is already markup."""
    opening = f'{tag} class="{kind}"' if kind else tag
    return f"<{opening}>{content}</{tag}>"


def _remark(text: str) -> str:
    return _element("small", escape(text)) if text else ""
