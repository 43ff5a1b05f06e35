"""Which language a name is from, of thirty-odd: names are short, many are shared."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip, made
from tests.tasks.classify.conftest import Train


@pytest.mark.acceptance
def test_names_are_known_by_their_letters(train: Train, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    found = train(made("names_by_language.py", names, libraries=from_pip("faker==40.54.0")))
    assert found["network"] > found["accuracy"]["majority"] + 0.4
