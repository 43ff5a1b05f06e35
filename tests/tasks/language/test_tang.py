"""Poems of the Tang: what a network writes keeps the form, and is not copied."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.fetched import from_npm, made

from mnemonist import LanguageModel
from mnemonist.tasks.language.copied import longest_copy


@pytest.mark.acceptance
def test_poems_have_lines_of_five_or_of_seven_characters(tmp_path: Path) -> None:
    text = made("tang_poems_text.py", from_npm("chinese-poetry@2.0.1"), tmp_path / "tang.txt")
    model = LanguageModel(
        hidden_size=192, min_count=5, token_budget=4_000_000, learning_rate=4e-3
    ).fit(text)
    written = model.sample(temperature=0.8, seed=0, length=6_000)
    *poems, _ = re.split(r"\n{2,}", written.strip("\n"))  # the last one is cut off
    lengths = [[*map(len, poem.split("\n"))] for poem in poems]
    lines = np.concatenate(lengths)
    assert len(lines) > 500
    assert np.isin(lines, (5, 7)).mean() > 0.95
    halves = [pair for poem in lengths for pair in zip(poem[::2], poem[1::2], strict=False)]
    assert np.mean([one == other for one, other in halves]) > 0.95
    predictor = model._fitted()
    ids = np.concatenate(predictor.encode(written.split("\n")))
    train = model._done().plan.resolved.parts.train
    assert longest_copy(ids.tolist(), train, predictor).length < 24
