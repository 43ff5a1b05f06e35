"""Copied spans: against all pairs of places, and a copy hidden in half a million tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.decoding.ngram import copied_shares, longest_copied_span
from mnemonist.errors import ConfigError, DataError, ShapeError

tokens = st.lists(st.integers(-1, 2), max_size=25)


def at_all_places(generated, training):
    best = (0, 0, 0)
    for i in range(len(generated)):
        for j in range(len(training)):
            n = 0
            while (
                i + n < len(generated)
                and generated[i + n : i + n + 1] == training[j + n : j + n + 1]
            ):
                n += 1
            if n > best[0]:
                best = (n, i, j)
    return best


@settings(deadline=None, max_examples=150)
@given(tokens, tokens)
def test_the_longest_span_of_all_places(generated, training):
    assert longest_copied_span(generated, training) == at_all_places(generated, training)


@settings(deadline=None, max_examples=100)
@given(tokens, tokens, st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_the_shares_of_all_places(generated, training, lengths):
    expected = {}
    for n in lengths:
        known = {tuple(training[j : j + n]) for j in range(len(training) - n + 1)}
        covered = set()
        for i in range(len(generated) - n + 1):
            if tuple(generated[i : i + n]) in known:
                covered |= set(range(i, i + n))
        expected[n] = len(covered) / len(generated) if generated else 0.0
    assert copied_shares(generated, training, lengths) == pytest.approx(expected)


def test_a_copy_in_a_long_stream_is_found_to_the_token():
    rng = np.random.default_rng(0)
    training = rng.integers(0, 90, 500_000)
    generated = rng.integers(0, 90, 20_000)
    generated[700:1033] = training[400_001:400_334]
    generated[699], generated[1033] = (training[[400_000, 400_334]] + 1) % 90
    assert longest_copied_span(generated, training) == (333, 700, 400_001)
    shares = copied_shares(generated, training, (8, 333, 334))
    assert shares == {8: 333 / 20_000, 333: 333 / 20_000, 334: 0.0}


def test_a_text_that_is_all_copied():
    training = np.arange(5000) ** 2 % 977
    assert longest_copied_span(training[123:3123], training).length == 3000
    assert copied_shares(training[:40], training, (40, 41)) == {40: 1.0, 41: 0.0}


def test_documents_are_kept_apart_by_an_id_of_their_own():
    assert longest_copied_span([1, 2, 3, 4], [1, 2, -1, 3, 4]).length == 2
    assert longest_copied_span([1, 2, 3, 4], [1, 2, 3, 4]).length == 4


def test_what_is_refused():
    with pytest.raises(ShapeError, match="the generated text"):
        longest_copied_span([[1]], [1])
    with pytest.raises(DataError, match="the training data"):
        longest_copied_span([1], [0.5])
    with pytest.raises(ConfigError, match="1 token or more"):
        copied_shares([1], [1], lengths=(0,))
