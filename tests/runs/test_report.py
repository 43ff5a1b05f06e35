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
from mnemonist.runs.report_figures import drawing, drawn, plain_numbers

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


def losses(scale: str) -> str:
    with drawing("losses", height=2) as d:
        ax = d.axes()
        ax.plot([20_000, 0.5, 0.001, 0.002])
        ax.set_yscale(scale)
        plain_numbers(ax.yaxis)
        if d.narrow:
            ax.set_title("on a phone")
    return d.svg


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_axes_have_numbers_as_one_writes_them(scale: str) -> None:
    svg = losses(scale)
    assert "10,000" in svg
    assert "mathdefault" not in svg


def test_a_phone_gets_a_drawing_of_its_own() -> None:
    both = drawn(losses, "linear")
    assert both.wide == losses("linear")
    assert "on a phone" in both.narrow
    assert "on a phone" not in both.wide
    widths = [float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1]) for svg in both]
    assert widths[1] < widths[0] / 2
    html = Figure(both, "losses").html()
    assert html.count("<svg") == html.count('aria-label="losses"') == 2
    assert html.count('class="narrow"') == 1
    clips = [set(re.findall(r'<clipPath id="([^"]+)"', svg)) for svg in both]
    assert clips[0]
    assert not clips[0] & clips[1]


def test_an_option_in_a_command_is_not_broken_at_its_hyphens() -> None:
    html = Code("mnemonist train forecast a--b.csv --no-scale-per-series --lags 7 <x>").html()
    assert '<span class="whole">--no-scale-per-series</span>' in html
    assert "a--b.csv <span" in html
    assert html.endswith("7 &lt;x&gt;</code></pre>")


def test_a_p_value_and_a_percentage_stay_on_one_line() -> None:
    assert "p\u00a0=\u00a00.011, 15\u00a0% lower" in Verdict("p = 0.011, 15 % lower").html()
    assert "p\u00a0&lt;\u00a00.001" in Text("p < 0.001").html()


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


def test_only_long_words_of_a_table_are_broken_into_lines() -> None:
    long = "a sentence that no screen shows whole, as it goes on"
    page = ReportTable(["name", "text", "n"], [Row(["short", long, "1"])], text_columns=(0, 1))
    assert f'<td>short</td><td class="wrap">{long}</td><td class="number">1</td>' in page.html()


def test_a_label_that_is_wider_than_a_phone_goes_on_in_a_second_line() -> None:
    def draw() -> str:
        with drawing("label", height=2) as d:
            d.axes().set_xlabel("how often training has the token; below, the share of such tokens")
        return d.svg

    wide, narrow = drawn(draw)
    assert "below, the share of such tokens" in wide
    assert "below, the share of such tokens" not in narrow
    assert "share of such tokens" in narrow
