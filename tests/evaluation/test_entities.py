"""Entities counted as conlleval counts them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.errors import DataError
from mnemonist.evaluation.entities import EntityCounts, entity_counts, entity_scores

TAGS = ["O", *(f"{letter}-{kind}" for kind in ("LOC", "PER") for letter in "BI")]
WIDE = ["O", *(f"{letter}-{kind}" for kind in ("LOC", "PER") for letter in "BIES")]


@st.composite
def tagged(draw, tags=TAGS):
    """A few sentences with gold and predicted tags, any tags, valid or not."""
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    sequences = [st.lists(st.sampled_from(tags), min_size=n, max_size=n) for n in sizes]
    return [draw(one) for one in sequences], [draw(one) for one in sequences]


def conlleval(gold, predicted):
    """The program's definition as a machine that walks over both columns at once.

    Two flags for each transition, whether a chunk ends before the token and whether one starts
    at it, and a chunk that is correct as long as both columns agree about it.
    """

    def parts(tag):
        letter, _, kind = tag.partition("-")
        return letter, kind

    def ends(before, now):
        (letter, kind), (next_letter, next_kind) = before, now
        return (letter + next_letter in {"BB", "BO", "IB", "IO"}) or (
            letter != "O" and kind != next_kind
        )

    def starts(before, now):
        (letter, kind), (next_letter, next_kind) = before, now
        return (letter + next_letter in {"BB", "IB", "OB", "OI"}) or (
            next_letter != "O" and kind != next_kind
        )

    outside = ("O", "")
    correct = found = real = 0
    last_gold = last_guess = outside
    agreeing = False
    flow = []
    for wanted, guessed in zip(gold, predicted):
        flow += [(outside, outside), *zip(map(parts, wanted), map(parts, guessed))]
    for now_gold, now_guess in [*flow, (outside, outside)]:
        gold_ends, guess_ends = ends(last_gold, now_gold), ends(last_guess, now_guess)
        gold_starts, guess_starts = starts(last_gold, now_gold), starts(last_guess, now_guess)
        if agreeing:
            if gold_ends and guess_ends and last_gold[1] == last_guess[1]:
                agreeing = False
                correct += 1
            elif gold_ends != guess_ends or now_gold[1] != now_guess[1]:
                agreeing = False
        if gold_starts and guess_starts and now_gold[1] == now_guess[1]:
            agreeing = True
        real += gold_starts
        found += guess_starts
        last_gold, last_guess = now_gold, now_guess
    return EntityCounts(real, found, correct)


@settings(max_examples=300)
@given(tagged())
def test_counts_are_those_of_the_programs_machine(pair):
    assert entity_scores(*pair).overall == conlleval(*pair)


CASES = [
    # gold, predicted, (gold, predicted, correct)
    ("B-NP I-NP O", "B-NP I-NP O", (1, 1, 1)),
    ("B-NP I-NP O", "B-NP O O", (1, 1, 0)),  # half an entity is none
    ("B-NP I-NP O", "B-NP I-VP O", (1, 2, 0)),  # a change of type ends and begins
    ("B-NP I-NP", "B-NP B-NP", (1, 2, 0)),
    ("B-NP I-NP", "I-NP I-NP", (1, 1, 1)),  # I after O begins: IOB1 and BIO agree
    ("I-NP B-NP O", "B-NP B-NP O", (2, 2, 2)),  # IOB1: B divides neighbours of one type
    ("I-NP I-NP", "B-NP B-NP", (1, 2, 0)),
    ("B-NP B-VP", "I-NP I-VP", (2, 2, 2)),
    ("O O", "O O", (0, 0, 0)),
    ("O O", "B-NP O", (0, 1, 0)),
    ("B-NP-SBJ O", "B-NP-OBJ O", (1, 1, 0)),  # the type is all after the first hyphen
]


@pytest.mark.parametrize(("gold", "predicted", "counts"), CASES)
def test_cases_by_hand(gold, predicted, counts):
    scores = entity_scores([gold.split()], [predicted.split()])
    assert scores.overall == EntityCounts(*counts)


def test_an_entity_ends_with_its_sentence():
    gold = [["O", "I-X"], ["I-X", "O"]]
    assert entity_scores(gold, gold).overall.correct == 2


def test_averages_over_types():
    gold = ["B-A", "B-A", "B-B", "O"]
    predicted = ["B-A", "O", "B-B", "B-C"]
    scores = entity_scores([gold], [predicted])
    assert scores.types == {
        "A": EntityCounts(2, 1, 1),
        "B": EntityCounts(1, 1, 1),
        "C": EntityCounts(0, 1, 0),
    }
    assert scores.overall.f1 == pytest.approx(2 / 3)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert (scores.accuracy, scores.exact_sentences) == (0.5, 0)
    assert scores.to_dict()["types"]["A"]["recall"] == 0.5


def test_raw_tags_are_an_entity_each():
    assert entity_scores([["A", "A", "O"]], [["A", "B", "O"]], "raw").overall == EntityCounts(
        2, 2, 1
    )


def test_nothing_to_find_gives_zeros():
    scores = entity_scores([], [])
    assert (scores.overall.f1, scores.macro_f1, scores.accuracy) == (0, 0, 0)


@given(tagged(WIDE))
def test_sentences_add_up(pair):
    whole = entity_scores(*pair, "BIOES").overall
    assert sum(entity_counts(*pair, "BIOES"), EntityCounts()) == whole


@settings(max_examples=200)
@given(tagged(WIDE))
def test_seqeval_counts_the_same(pair):
    seqeval = pytest.importorskip("seqeval.metrics")
    gold, predicted = pair
    scores = entity_scores(gold, predicted, "BIOES")
    expected = seqeval.classification_report(gold, predicted, output_dict=True, zero_division=0)
    assert scores.overall.precision == pytest.approx(expected["micro avg"]["precision"])
    assert scores.overall.recall == pytest.approx(expected["micro avg"]["recall"])
    assert scores.overall.f1 == pytest.approx(expected["micro avg"]["f1-score"])
    assert scores.accuracy == pytest.approx(seqeval.accuracy_score(gold, predicted))
    for name, counts in scores.types.items():
        assert counts.f1 == pytest.approx(expected[name]["f1-score"])
        assert counts.gold == expected[name]["support"]


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([["O"]], [], "1 sentences have gold tags and 0"),
        ([["O"], ["O"]], [["O"], ["O", "O"]], "sentence 1 has 1 gold tags and 2"),
    ],
)
def test_what_does_not_match_is_refused(gold, predicted, message):
    with pytest.raises(DataError, match=message):
        entity_scores(gold, predicted)
