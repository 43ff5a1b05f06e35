"""Which language a name is from, of thirty-odd: names are short, many are shared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tasks.classify.conftest import Fetch, Train

EXAMPLE = Path(__file__).parents[3] / "examples/names_by_language.py"


@pytest.mark.acceptance
def test_names_are_known_by_their_letters(wheel: Fetch, train: Train, tmp_path: Path) -> None:
    libraries = wheel("faker==40.54.0")
    subprocess.run(
        [sys.executable, str(EXAMPLE), str(tmp_path / "names.csv")],
        env={**os.environ, "PYTHONPATH": str(libraries)},
        check=True,
    )
    found = train(tmp_path / "names.csv")
    assert found["network"] > found["accuracy"]["majority"] + 0.4
