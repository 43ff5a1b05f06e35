"""Baselines of tagging against rules that can be told, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mnemonist.errors import DataError
from mnemonist.evaluation.taggers import MostFrequentTag, WindowedPerceptron


def test_ties_go_to_the_first_tag_by_name_and_unseen_tokens_to_that_of_rare_ones() -> None:
    tokens = [["a", "a", "b", "c", "d", "d", "d"]]
    tags = [["Y", "X", "N", "N", "V", "V", "V"]]
    found = MostFrequentTag().fit(tokens, tags).predict([["a", "d", "new"]])
    assert found == [["X", "V", "N"]]


def test_a_window_sees_two_tokens_to_each_side_and_no_more() -> None:
    draw = np.random.default_rng(0)
    tokens = [list(draw.choice(list("abcdef"), 12)) for _ in range(150)]

    def far(words: list[str], step: int) -> list[str]:
        return ["#", *words, *["#"] * 4][1 + step : 1 + step + len(words)]

    scores = []
    for step in (2, 3):
        tags = [far(words, step) for words in tokens]
        tagger = WindowedPerceptron().fit(tokens[:120], tags[:120])
        right = [
            a == b
            for one, own in zip(tagger.predict(tokens[120:]), tags[120:], strict=True)
            for a, b in zip(one, own, strict=True)
        ]
        scores.append(np.mean(right))
    assert scores[0] > 0.98
    assert scores[1] < 0.6


def test_endings_tell_of_words_that_training_lacks() -> None:
    tokens = [[f"w{k}ing", f"w{k}ed"] for k in range(60)]
    tagger = WindowedPerceptron().fit(tokens, [["G", "D"]] * 60)
    assert tagger.predict([["newed"], ["newing"]]) == [["D"], ["G"]]


def test_the_same_seed_gives_the_same_tagger_within_few_weights() -> None:
    tokens, tags = [["a", "b"], ["c", "b"]] * 20, [["X", "Y"], ["X", "Z"]] * 20
    first, second = (WindowedPerceptron(entries=1024).fit(tokens, tags) for _ in range(2))
    assert np.array_equal(first._weights, second._weights)
    assert first._weights.size <= 1024
    assert first.predict([]) == []


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="sentence 0 has 1 tokens and 2 tags"):
        MostFrequentTag().fit([["a"]], [["X", "Y"]])
    with pytest.raises(DataError, match="as many"):
        WindowedPerceptron().fit([], [])
