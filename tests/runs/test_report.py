"""A report is one file that needs nothing else, and shows any text as it is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mnemonist.errors import RunFolderError
from mnemonist.runs.report import (
    Bullets,
    Cell,
    Code,
    Facts,
    Figure,
    Folded,
    Numbers,
    Report,
    ReportTable,
    Row,
    Text,
    Verdict,
)
from mnemonist.runs.report_figures import drawing

EVIL = '<script>alert("x")</script>&"\'油井'


class Tags(HTMLParser):
    """Every element of a page, its attributes, and whether all were closed in order."""

    void = frozenset({"meta", "link", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def everything() -> Report:
    """A report in which every place that takes text has the evil one."""
    with drawing("evil", height=2) as d:
        ax = d.axes()
        ax.plot([0, 1], label=EVIL)
        ax.set_xlabel(EVIL)
        ax.legend()
    report = Report(EVIL, kind=EVIL, footer=EVIL).top(Verdict(EVIL, EVIL))
    report.section(EVIL).add(
        Text(EVIL),
        Numbers([(EVIL, EVIL, EVIL)]),
        Facts([(EVIL, EVIL)]),
        ReportTable([EVIL], [Row([Cell(EVIL, EVIL, best=True)], ours=True)], EVIL),
        Figure(d.svg, EVIL, EVIL),
        Code(EVIL),
        Bullets([("warning", EVIL)]),
        Folded(EVIL, [Text(EVIL)]),
    )
    return report


def test_no_text_becomes_markup() -> None:
    page = Tags()
    page.feed(everything().html())
    page.close()
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.seen}
    assert sum(EVIL in text for text in page.text) >= 18


def test_nothing_is_fetched() -> None:
    html = everything().html()
    page = Tags()
    page.feed(html)
    for tag, attributes in page.seen:
        for name in ("src", "href", "xlink:href", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith("#"), (tag, name, target)
    assert not re.search(r"url\((?!['\"]?#)|@import|<link|<iframe", html)


def test_chinese_in_a_drawing_stays_text() -> None:
    with drawing("chinese", height=2) as d:
        d.axes().set_title("油井产量")
    texts = [
        node.text for node in ElementTree.fromstring(d.svg).iter() if node.tag.endswith("text")
    ]
    assert "油井产量" in texts


def test_a_dollar_sign_is_not_mathematics() -> None:
    with drawing("dollars", height=2) as d:
        d.axes().set_title("price $a_b$ and $broken")
    assert "price $a_b$ and $broken" in d.svg


def test_two_drawings_on_a_page_share_no_id() -> None:
    ids = []
    for name in ("one", "two"):
        with drawing(name, height=2) as d:
            d.axes().plot([0, 1])
        clips = re.findall(r'<clipPath id="([^"]+)"', d.svg)
        assert clips
        ids.append(set(clips))
    assert not ids[0] & ids[1]


def test_the_same_drawing_is_the_same_bytes() -> None:
    drawn = []
    for _ in range(2):
        with drawing("same", height=2) as d:
            d.axes().plot([0, 1, 0])
        drawn.append(d.svg)
    assert drawn[0] == drawn[1]


def test_a_file_is_written_whole_or_the_reason_is_told(tmp_path: Path) -> None:
    path = everything().write(tmp_path / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(RunFolderError, match="cannot be written"):
        everything().write(tmp_path / "nowhere" / "report.html")
