"""The page about modules shows what runs, with the shapes that it says."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_code_of_the_modules_page_runs():
    page = Path(__file__).parents[2] / "docs" / "modules.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    for block in code:
        exec(compile(block, str(page), "exec"), names)
    assert names["decoded"].output.shape == (5, 4, 1)
    assert names["decoded"].attention.shape == (5, 4, 9)
    assert names["free"].output.shape == (12, 4, 1)
    assert names["output"].shape == (7, 4, 2)
