"""Tokens and numbers: order, unknown tokens, what is saved."""

import json
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnemonist.data.text import BOS, EOS, PAD, UNK, Vocabulary
from mnemonist.errors import ConfigError, DataError

tokens = st.lists(st.text(min_size=1, max_size=3), max_size=60)


def test_the_order_is_specials_then_count_then_code_point():
    text = ["b", "a", "b", "𠀀", "的", "的", "a", "z"]
    vocabulary = Vocabulary.build(text, specials=(PAD, UNK, BOS, EOS))
    assert vocabulary.tokens == (PAD, UNK, BOS, EOS, "a", "b", "的", "z", "𠀀")
    assert (vocabulary.pad, vocabulary.unk, vocabulary.bos, vocabulary.eos) == (0, 1, 2, 3)
    assert vocabulary.special_tokens == (PAD, UNK, BOS, EOS)
    plain = Vocabulary.build(text, specials=())
    assert (plain.pad, plain.unk, plain.bos, plain.eos) == (None, None, None, None)


def test_a_rare_character_falls_to_unknown():
    text = list("历史总是不断重演" * 3 + "彪")
    vocabulary = Vocabulary.build(text, min_count=2)
    assert "彪" not in vocabulary
    assert vocabulary.decode(vocabulary.encode(list("历彪"))) == ["历", UNK]
    assert vocabulary.unknown_rate(text) == pytest.approx(1 / 25)
    assert vocabulary.counts[vocabulary.unk] == 1
    assert Vocabulary.build(text, max_size=9).number("彪") is None
    assert "彪" in Vocabulary.build(text, max_size=10)


@given(tokens, st.integers(1, 10), st.integers(1, 3))
def test_a_vocabulary_does_not_depend_on_the_order_of_the_text(text, size, min_count):
    shuffled = list(text)
    random.Random(0).shuffle(shuffled)
    one = Vocabulary.build(text, max_size=size, min_count=min_count)
    assert one == Vocabulary.build(shuffled, max_size=size, min_count=min_count)
    counted = Counter(token for token in text if token != UNK)
    assert len(one) <= size
    left_out = [token for token in counted if token not in one]
    if len(one) < size:
        assert all(counted[token] < min_count for token in left_out)
    kept = [token for token in one.tokens if token != UNK]
    assert all(counted[a] >= counted[b] for a, b in pairwise(kept))
    assert one.counts.sum() == len(text)


@given(tokens, tokens)
def test_known_tokens_come_back_and_the_others_are_unknown(text, other):
    vocabulary = Vocabulary.build(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    numbers = vocabulary.encode(other)
    assert numbers.dtype == np.int64
    assert numbers.shape == (len(other),)
    expected = [token if token in vocabulary else UNK for token in other]
    assert vocabulary.decode(numbers) == expected
    assert vocabulary.unknown_rate(other) == (expected.count(UNK) / len(other) if other else 0.0)


@given(tokens, st.integers(0, 3))
def test_a_saved_vocabulary_is_the_same_after_json(text, specials):
    vocabulary = Vocabulary.build(text, specials=(UNK, EOS, PAD)[:specials])
    again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert again == vocabulary
    assert again.fingerprint == vocabulary.fingerprint
    assert again.counts.tolist() == vocabulary.counts.tolist()


def test_fingerprints_tell_vocabularies_apart():
    made = [
        Vocabulary(["ab", "c"]),
        Vocabulary(["a", "bc"]),
        Vocabulary(["c", "ab"]),
        Vocabulary(["ab", "c"], specials=1),
        Vocabulary(["ab"]),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert Vocabulary(["ab", "c"], counts=[1, 2]).fingerprint == made[0].fingerprint


def test_a_token_spelt_like_a_special_one_is_it():
    vocabulary = Vocabulary.build(["the", UNK, UNK, EOS], specials=(UNK, EOS))
    assert vocabulary.tokens == (UNK, EOS, "the")
    assert vocabulary.encode([UNK, "the"]).tolist() == [0, 2]
    assert vocabulary.unknown_rate([UNK, "the"]) == 0.5


def test_errors_name_the_token():
    vocabulary = Vocabulary.build("abc", specials=())
    with pytest.raises(DataError, match="'彪' is not among the 3"):
        vocabulary.encode(["a", "彪"])
    with pytest.raises(DataError, match="number 3; they go from 0 to 2"):
        vocabulary.decode([0, 3])
    with pytest.raises(DataError, match="number -1"):
        vocabulary.decode([-1])
    with pytest.raises(ConfigError, match="no room"):
        Vocabulary.build("abc", max_size=0)
    with pytest.raises(ConfigError, match="min_count=0"):
        Vocabulary.build("abc", min_count=0)


@pytest.mark.parametrize(
    "saved",
    [
        None,
        [],
        {},
        {"tokens": "abc"},
        {"tokens": ["a", "a"]},
        {"tokens": ["a", ""]},
        {"tokens": ["a", 1]},
        {"tokens": ["a"], "specials": 2},
        {"tokens": ["a"], "specials": "1"},
        {"tokens": ["a"], "counts": [1, 2]},
        {"tokens": ["a"], "counts": ["1"]},
        {"tokens": ["a"], "counts": [2**80]},
    ],
)
def test_a_damaged_vocabulary_is_refused(saved):
    with pytest.raises(DataError):
        Vocabulary.from_dict(saved)
