"""Names that two words make, entities from part-of-speech tags, and characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mnemonist.data.tags import (
    Sentence,
    TaggedSet,
    TagsConfig,
    join_names,
    load_tagged,
    prepare_tagged,
    spans_of,
    to_characters,
    to_entities,
    to_words,
)
from mnemonist.errors import DataError


def names(text):
    words = text.split()
    return ["".join(words[start:end]) for start, end in join_names(words)]


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ("江 泽民", "江泽民"),
        ("李 鹏 乔 石 朱 镕基", "李鹏 乔石 朱镕基"),
        ("贾 永 黄 秋生", "贾永 黄秋生"),
        ("陈 方 安生", "陈方安生"),
        ("欧阳 海 司徒 桂美", "欧阳海 司徒桂美"),
        ("雪村 守仁", "雪村 守仁"),
        ("克林顿", "克林顿"),
        ("郭", "郭"),
        ("吴 希曾 刘 伯根 岑红", "吴希曾 刘伯根 岑红"),
        ("秦 惠（君音）", "秦惠（君音）"),
        ("陈 〈民音〉", "陈〈民音〉"),
        ("剑武 安 远远", "剑武 安远远"),
        ("马克思 恩格斯", "马克思 恩格斯"),
        ("祝 有容 让·梅泰·亚彭德", "祝有容 让·梅泰·亚彭德"),
    ],
)
def test_surname_and_given_name_are_one_person(words, joined):
    assert names(words) == joined.split()


@given(st.lists(st.text("江泽民李鹏欧阳", min_size=1, max_size=4)))
def test_names_cover_the_words_in_order(words):
    spans = join_names(words)
    assert [k for start, end in spans for k in range(start, end)] == list(range(len(words)))


def entities(line, types, **options):
    (sentence,) = load_tagged([line])
    tagged = to_entities(sentence, types, **options)
    return [
        ("".join(tagged.tokens[start:end]), kind)
        for start, end, kind in spans_of(tagged.tags, "BIO")
    ]


def test_two_persons_went_to_work():
    line = "王/nr 刚/nr 和/c 李/nr 明/nr 去/v 上班/v 了/u"
    assert entities(line, {"nr": "PER"}, join=["nr"]) == [("王刚", "PER"), ("李明", "PER")]


def test_neighbouring_places_are_two_and_other_tags_are_outside():
    line = "在/p 北京/ns 海淀区/ns 新华社/nt 记者/n"
    assert entities(line, {"ns": "LOC", "nt": "ORG"}) == [
        ("北京", "LOC"), ("海淀区", "LOC"), ("新华社", "ORG"),
    ]  # fmt: skip


def test_a_bracketed_group_is_one_entity_and_hides_what_is_inside():
    line = "[北京/ns 电视台/n]nt 在/p 北京/ns"
    types = {"ns": "LOC", "nt": "ORG"}
    assert entities(line, types) == [("北京电视台", "ORG"), ("北京", "LOC")]
    assert entities(line, {"ns": "LOC"}) == [("北京", "LOC"), ("北京", "LOC")]


def test_a_configuration_makes_characters_with_entities():
    config = TagsConfig(entities={"nr": "PER", "nx": "X"}, join_names=("nr",), units="characters")
    data = prepare_tagged(load_tagged(["邓/nr 小平/nr 同志/n"]), config)
    assert data[0].show() == "邓/B-PER 小/I-PER 平/E-PER 同/O 志/O"
    assert data.scheme == "BIOES"
    assert data.notes[-2:] == [
        "entities: nr is PER, nx is X; neighbouring words of nr joined to names",
        "units: characters, BIOES",
    ]


def test_entities_need_tags_that_occur_and_mark_no_spans():
    with pytest.raises(DataError, match="none of the tags nr of entities= occurs; there are n, v"):
        prepare_tagged(load_tagged(["人/n 来/v"]), TagsConfig(entities={"nr": "PER"}))
    marked = TaggedSet.from_sequences([["a"]], [["B-X"]])
    with pytest.raises(DataError, match="mark spans already"):
        prepare_tagged(marked, TagsConfig(entities={"B-X": "X"}))
    with pytest.raises(ValidationError, match="not among the tags of entities"):
        TagsConfig(join_names=("nr",))


word = st.text("我吃苹果ab1", min_size=1, max_size=4)


@given(st.lists(st.tuples(word, st.sampled_from(["n", "v", "np-tl"]))))
def test_characters_go_back_to_the_words_they_came_from(pairs):
    words = tuple(one for one, _ in pairs)
    tags = tuple(tag for _, tag in pairs)
    for scheme in ("BIO", "BIOES", "BMES"):
        characters = to_characters(Sentence(words, tags), "raw", scheme)
        assert characters.tokens == tuple("".join(words))
        back = to_words(characters.tokens, characters.tags, scheme)
        assert tuple(map(tuple, back)) == (words, tags)


def test_characters_keep_lines_offsets_and_groups():
    words = Sentence(
        ("北京", "好"),
        ("ns", "a"),
        "f",
        3,
        (3, 4),
        "d",
        "北京 好",
        ((0, 2), (3, 4)),
        ((0, 2, "X"),),
    )
    made = to_characters(words, "raw")
    assert [made.line_of(k) for k in range(3)] == [3, 3, 4]
    assert made.offsets == ((0, 1), (1, 2), (3, 4))
    assert made.groups == ((0, 3, "X"),)


def test_characters_that_no_span_holds_are_words_outside():
    assert to_words("去北京了", ["O", "B-ns", "E-ns", "O"], "BIOES") == (
        ["去", "北京", "了"], ["O", "ns", "O"],
    )  # fmt: skip
