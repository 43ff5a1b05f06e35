"""Tag schemes: spans there and back, and what is valid."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnemonist.data.tags.schemes import (
    SCHEMES,
    allowed_steps,
    convert,
    detect_scheme,
    invalid_tags,
    repair,
    spans_of,
    tags_of,
)
from mnemonist.errors import ConfigError

MARKED = [scheme for scheme in SCHEMES if scheme != "raw"]
LETTERS = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}


@st.composite
def spans_and_length(draw):
    """Spans that do not overlap, of two types, often touching."""
    position, spans = 0, []
    for gap, width, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("XY")))
    ):
        start = position + gap
        position = start + width
        spans.append((start, position, kind))
    return spans, position + draw(st.integers(0, 2))


def alphabet(scheme):
    return ["O", *(f"{letter}-{kind}" for kind in "XY" for letter in LETTERS[scheme])]


@given(spans_and_length(), st.sampled_from(MARKED), st.sampled_from(MARKED))
def test_spans_survive_every_scheme(case, source, target):
    spans, length = case
    tags = tags_of(spans, length, source)
    assert len(tags) == length
    assert spans_of(tags, source) == spans
    assert spans_of(convert(tags, source, target), target) == spans
    assert invalid_tags(tags, source) == []


def test_one_entity_in_each_scheme():
    spans = [(0, 3, "X"), (3, 4, "X"), (5, 7, "Y")]
    assert [" ".join(tags_of(spans, 7, scheme)) for scheme in SCHEMES] == [
        "X X X X O Y Y",
        "I-X I-X I-X B-X O I-Y I-Y",
        "B-X I-X I-X B-X O B-Y I-Y",
        "B-X I-X E-X S-X O B-Y E-Y",
        "B-X I-X L-X U-X O B-Y L-Y",
        "B-X M-X E-X S-X O B-Y E-Y",
    ]


@pytest.mark.parametrize("scheme", MARKED)
def test_allowed_steps_are_those_of_valid_sequences(scheme):
    """All sequences of three tags: allowed if and only if repair has nothing to do."""
    tags = alphabet(scheme)
    allowed = allowed_steps(tags, scheme)
    for path in product(range(len(tags)), repeat=3):
        steps = [
            allowed.start[path[0]],
            allowed.transitions[path[0], path[1]],
            allowed.transitions[path[1], path[2]],
            allowed.end[path[2]],
        ]
        sequence = [tags[k] for k in path]
        assert all(steps) == (invalid_tags(sequence, scheme) == []), sequence


@pytest.mark.parametrize("scheme", MARKED)
def test_repair_keeps_spans_and_is_done_after_one_pass(scheme):
    for sequence in product(alphabet(scheme), repeat=3):
        repaired = repair(sequence, scheme)
        assert spans_of(repaired, scheme) == spans_of(sequence, scheme)
        assert repair(repaired, scheme) == repaired


def test_letters_alone_mark_words():
    assert spans_of(["B", "M", "E", "S"], "BMES") == [(0, 3, ""), (3, 4, "")]
    assert tags_of([(0, 3, ""), (3, 4, "")], 4, "BMES") == ["B", "M", "E", "S"]


def test_types_may_hold_hyphens():
    assert spans_of(["B-NP-SBJ", "I-NP-SBJ"], "BIO") == [(0, 2, "NP-SBJ")]


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("I-PER O I-LOC I-LOC B-LOC", "IOB1"),
        ("B-PER O B-LOC I-LOC B-LOC", "BIO"),
        ("B-PER E-PER O", "BIOES"),
        ("B-PER L-PER U-PER", "BILOU"),
        ("B M E S", "BMES"),
        ("O O", "raw"),
        ("NN IN B-X", "raw"),
        ("I B", "IOB1"),
        ("np-tl in", "raw"),
    ],
)
def test_detected(tags, scheme):
    assert detect_scheme([tags.split()]) == scheme


@pytest.mark.parametrize("span", [(0, 0, "X"), (1, 4, "X"), (-1, 1, "X"), (2, 1, "X")])
def test_spans_outside_are_refused(span):
    with pytest.raises(ConfigError, match="among 3 tokens"):
        tags_of([span], 3, "BIO")


def test_overlapping_spans_and_unknown_schemes_are_refused():
    with pytest.raises(ConfigError, match="overlap"):
        tags_of([(0, 2, "X"), (1, 3, "Y")], 3, "BIO")
    with pytest.raises(ConfigError, match="IOB1, BIO"):
        spans_of(["O"], "IOB3")
