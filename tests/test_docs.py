"""What the pages say is so: their Python runs, their links lead somewhere, both READMEs agree.

Every ```python block of README.md and docs/ runs, the blocks of a page in order and in one
namespace. A block that cannot run here has ``<!-- not run: reason -->`` on the line before it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from mnemonist.cli.entry import run
from mnemonist.engine.native import library

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+) -->\n)?```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    language: str
    code: str
    runs: bool
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            m["language"], m["code"], m["reason"] is None, text.count("\n", 0, m.start("code")) + 1
        )
        for m in FENCE.finditer(text)
    ]


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and block.runs]


def headings(page: Path) -> set[str]:
    """The anchors of a page, as MkDocs and GitHub make them of its headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+\s+(.*)$", text, re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", t.lower()).strip()) for t in titles}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A folder such as a reader has: the file well.csv and the README's own cell in own.py."""
    month = np.arange(96)
    oil = 900 * np.exp(-month / 60) * (1 + 0.1 * np.sin(2 * np.pi * month / 12))
    months = pd.date_range("2015-01-01", periods=len(month), freq="MS")
    table = pd.DataFrame({"month": months, "gas": 0.3 * oil, "oil": oil})
    table.to_csv(tmp_path / "well.csv", index=False)
    own = next(b for b in blocks(ROOT / "README.md") if "class Minimal" in b.code)
    (tmp_path / "own.py").write_text(own.code, encoding="utf-8")
    return tmp_path


# The Chinese README has the same code as the English one, which another test makes sure of.
WITH_CODE = [page for page in PAGES if runnable(page) and page.name != "README.zh.md"]


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_python_of_a_page_runs(page: Path, reader: Path) -> None:
    if page.name == "engine.md" and not library.available():
        pytest.skip("the page shows what the compiled engine does, and it is not built here")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(statement(block, page) for block in runnable(page))],
        cwd=reader,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def statement(block: Block, page: Path) -> str:
    """Python that runs the block under the page's name and line, where tracebacks lead then."""
    if block.code.startswith(">>>"):
        return (
            "import doctest; "
            f"shown = doctest.DocTestParser().get_doctest({block.code!r}, globals(), "
            f"{name(page)!r}, {name(page)!r}, {block.line - 1}); "
            "assert not doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(shown).failed"
        )
    code = "\n" * (block.line - 1) + block.code
    return f"exec(compile({code!r}, {name(page)!r}, 'exec'))"


def test_the_program_in_the_readme_is_what_explain_prints(reader: Path) -> None:
    shown = next(b for b in blocks(ROOT / "README.md") if b.code.startswith("$ mnemonist explain"))
    command, _, output = shown.code.partition("\n")
    output, _, _ = output.partition("  ...")
    done = subprocess.run(
        [sys.executable, "-m", *command.removeprefix("$ ").split()],
        cwd=reader,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout
    if not library.available():  # another executor runs it, and says so first
        output, printed = (text[text.index("Minimal  x[") :] for text in (output, printed))
    assert printed[: len(output)] == output


def test_the_readmes_own_cell_is_trained_by_name(
    reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(reader)
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["train", "forecast", "well.csv", "--cell", "own:Minimal", "--epochs", "1"]
    assert run([*arguments, "--run", "trained"]) == 0
    assert "Minimal" in capsys.readouterr().out
    assert (reader / "trained" / "report.html").exists()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    lost = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        there = file.exists() and (not anchor or anchor in headings(file))
        inside = DOCS not in page.parents or DOCS in file.parents
        if not (there and inside):
            lost.append(target)
    assert not lost


def test_both_readmes_show_the_same_code_and_pictures() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh.md"
    assert [(b.language, b.code) for b in blocks(english)] == [
        (b.language, b.code) for b in blocks(chinese)
    ]
    picture = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
    found = [picture.findall(p.read_text(encoding="utf-8")) for p in (english, chinese)]
    assert found[0]
    assert found[0] == found[1]


def test_the_site_fetches_nothing_from_the_network() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert re.search(r"^  font: false", settings, re.MULTILINE)
    assert "http" not in settings
    remote = re.compile(r"!\[[^\]]*\]\(http|<(?:img|script|link|iframe)\b[^>]*(?:src|href)=.?http")
    assert not [name(p) for p in DOCS.rglob("*.md") if remote.search(p.read_text(encoding="utf-8"))]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"- (\S+\.md)$", navigation, re.MULTILINE))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
