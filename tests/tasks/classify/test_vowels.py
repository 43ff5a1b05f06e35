"""Nine speakers told apart by two Japanese vowels (Kudo, Toyama & Shimbo 1999)."""

from __future__ import annotations

import pytest
from tests.fetched import from_pip
from tests.tasks.classify.conftest import Train


@pytest.mark.acceptance
def test_speakers_are_known_by_their_vowels(train: Train) -> None:
    folder = from_pip("aeon==1.6.0") / "aeon/datasets/data/JapaneseVowels"
    found = train(
        folder / "JapaneseVowels_TRAIN.ts", "--test-file", folder / "JapaneseVowels_TEST.ts"
    )
    assert found["paired_bootstrap"]["items"] == 370
    assert found["network"] >= 0.95
