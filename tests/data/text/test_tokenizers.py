"""Text to tokens and back, in the scripts that people write."""

import json
import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnemonist.data.text import (
    Characters,
    Spaces,
    Subwords,
    Tokenizer,
    Words,
    make_tokenizer,
    tokenizer_from_dict,
)
from mnemonist.data.text.normal import align, normal
from mnemonist.errors import ConfigError, DataError, MissingExtraError

FORMS = [None, "NFC", "NFKC"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# Letters that compose, decompose, reorder or change their length in another case.
tricky = st.text("aeéİΣſßﬁ㎏Å각ᄀ\u1161\u11a8ｶﾞ\u0300\u0301\u0323\u0327\u3099 ", max_size=12)


@pytest.fixture(scope="module")
def subwords():
    pytest.importorskip("sentencepiece")
    lines = ["the cat sat on the mat", "王刚和李明去上班了", "a hat is no mat, is it?"] * 10
    return Subwords.train(lines, vocabulary_size=60)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't like o'clock-watching.", "I|don't|like|o'clock|-|watching|."),
        ("‘Don’t’ and 'tis", "‘|Don’t|’|and|'|tis"),
        ("$1,000.50, at 12:30: 3rd", "$|1,000.50|,|at|12:30|:|3rd"),
        ("l'été à Saint-Étienne…", "l'été|à|Saint|-|Étienne|…"),
        ("naïve e\u0301te\u0301", "naïve|e\u0301te\u0301"),
        ("Привет, мир!", "Привет|,|мир|!"),
        ("नमस्ते दुनिया।", "नमस्ते|दुनिया|।"),
        ("می‌خواهم", "می‌خواهم"),
        ("한국어를 배워요.", "한국어를|배워요|."),
        ("カタカナとひらがな", "カタカナ|と|ひ|ら|が|な"),
        ("コーヒー・ｶﾞｽ", "コーヒー|・|ｶﾞｽ"),
        ("👩‍👩‍👧 ok ❤️", "👩‍👩‍👧|ok|❤️"),
        ("我用ABC12吃苹果，OK？", "我|用|ABC12|吃|苹|果|，|OK|？"),
        ("𠀀年々〇", "𠀀|年|々|〇"),
        ("", ""),
        (" \t\u3000", ""),
    ],
)
def test_words_of_many_scripts(text, tokens):
    assert Words(han="characters").tokenize(text) == [one for one in tokens.split("|") if one]


def test_chinese_words_are_those_of_the_dictionary():
    pytest.importorskip("rjieba")
    words = Words()
    assert words.tokenize("王刚和李明去上班了。") == [
        "王刚",
        "和",
        "李明",
        "去",
        "上班",
        "了",
        "。",
    ]
    assert words.spans("他用Python3写程序") == [(0, 1), (1, 2), (2, 9), (9, 10), (10, 12)]
    assert words.to_dict()["han"] == "words"


def test_joining_prints_english_and_chinese_as_they_are_printed():
    words = Words(han="characters")
    for text in (
        "He said: \"It's well-known (see 3.5), isn't it?\" and left.",
        "“Yes”, she said — no: she ‘cried’!",
        "Pay $5 or €6.50; 20% off.",
        "The dogs' bones and/or the 'cats'.",
        "历史总是不断重演。",
        "王刚（25岁）说：“我吃苹果！”",
        "我用Python写程序，很快。",
    ):
        printed = words.join(words.tokenize(text))
        assert printed == text.replace(" — ", "—")


@settings(max_examples=150, deadline=None)
@given(texts)
def test_words_lose_nothing_but_white_space_and_joining_changes_nothing_else(text):
    words = Words(han="characters")
    tokens = words.tokenize(text)
    assert "".join(tokens) == "".join(text.split())
    assert all(tokens)
    assert not any(character.isspace() for token in tokens for character in token)
    assert "".join(words.join(tokens).split()) == "".join(text.split())


@given(st.text(st.characters(max_codepoint=127), max_size=30))
@example("1.5 a'b \x1c -- 1,0x 'a' 3.")
def test_ascii_is_cut_by_the_rules_of_all_text(text):
    words = Words(han="characters")
    assert words.tokenize(text + " 年")[:-1] == words.tokenize(text)
    assert words.tokenize(text + " é")[:-1] == words.tokenize(text)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_characters_and_subwords_join_to_the_text(subwords, text):
    assert Characters().join(Characters().tokenize(text)) == text
    if "▁" not in text:  # the sign that stands for a space
        assert subwords.join(subwords.tokenize(text)) == text


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from(["characters", "words", "spaces", "subwords"]))
@example("▁a ▁ b", "subwords")
def test_without_a_normal_form_each_span_cuts_its_token_from_the_text(subwords, text, kind):
    tokenizer = subwords if kind == "subwords" else make_tokenizer(kind)
    tokens, spans = tokenizer.tokenize(text), tokenizer.spans(text)
    assert len(tokens) == len(spans)
    for token, (start, end) in zip(tokens, spans, strict=True):
        if kind == "subwords":  # whose token begins with the space before the word
            assert text[start:end].replace(" ", "▁") in (token, token[1:])
        else:
            assert text[start:end] == token
    starts = [start for start, _ in spans]
    assert starts == sorted(starts)


def test_a_subword_s_span_leaves_out_the_space_before_the_word(subwords):
    text = " the  cat"
    found = [text[start:end] for start, end in subwords.spans(text)]
    assert "".join(found).replace(" ", "") == "thecat"
    assert not any(one.startswith(" ") and one.strip() for one in found)


@settings(max_examples=300, deadline=None)
@given(st.one_of(texts, tricky), st.sampled_from(FORMS), st.booleans())
@example("d\u0327\u0301\u0323", "NFC", False)
@example("İstanbul", "NFC", True)
def test_alignment_is_the_normal_form_and_covers_the_text(text, form, lowercase):
    aligned = align(text, form, lowercase)
    assert aligned.text == normal(text, form, lowercase)
    if aligned.source is None:
        assert len(aligned.text) == len(text)
        return
    assert len(aligned.source) == len(aligned.text)
    segments = sorted(set(aligned.source))
    assert [segments[0][0], *(end for _, end in segments)][-1] == len(text)
    for (_, end), (start, _) in pairwise(segments):
        assert end == start
    changed = "".join(normal(text[a:b], form, False) for a, b in segments)
    assert changed == normal(text, form, False)


@pytest.mark.parametrize("kind", ["characters", "words", "spaces"])
def test_spans_point_into_the_text_before_it_was_composed_and_lowered(kind):
    text = "Cafe\u0301 İST"
    tokenizer = make_tokenizer(kind, lowercase=True, normal_form="NFC")
    for token, (start, end) in zip(tokenizer.tokenize(text), tokenizer.spans(text), strict=True):
        assert token in unicodedata.normalize("NFC", text[start:end]).lower()
    assert tokenizer.spans(text)[-1][1] == len(text)


def test_options_lower_and_compose():
    assert Words(lowercase=True, normal_form="NFKC").tokenize("ＡＢＣ Ｆｅ\u0301") == ["abc", "fé"]
    assert Spaces(lowercase=True).tokenize("IS N'T") == ["is", "n't"]
    with pytest.raises(ConfigError, match=r"'NFD'.*'NFC', 'NFKC' or None"):
        Characters(normal_form="NFD")
    with pytest.raises(ConfigError, match=r"'letters'.*'characters', 'words'"):
        make_tokenizer("letters")
    with pytest.raises(ConfigError, match="han='cut'"):
        Words(han="cut")


def test_saved_tokenizers_cut_alike_after_json(subwords):
    for tokenizer in (
        Characters(normal_form="NFC"),
        Spaces(lowercase=True),
        Words(lowercase=True),
        Words(han="characters"),
        subwords,
    ):
        again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
        text = "The cat sat, 王刚吃苹果."
        assert type(again) is type(tokenizer)
        assert again == tokenizer
        assert again.tokenize(text) == tokenizer.tokenize(text)
        assert again.fingerprint == tokenizer.fingerprint
    kinds = [Characters(), Spaces(), Characters(lowercase=True), Words(han="characters"), subwords]
    assert len({one.fingerprint for one in kinds}) == len(kinds)


@pytest.mark.parametrize(
    "saved",
    [
        None,
        {},
        {"kind": "emoji", "lowercase": False, "normal_form": None},
        {"kind": "characters"},
        {"kind": "characters", "lowercase": False, "normal_form": "NFD"},
        {"kind": "words", "lowercase": False, "normal_form": None},
        {"kind": "words", "lowercase": False, "normal_form": None, "han": []},
        {"kind": "subwords", "lowercase": False, "normal_form": None},
        {"kind": "subwords", "lowercase": False, "normal_form": None, "model": "é"},
        {"kind": "subwords", "lowercase": False, "normal_form": None, "model": ""},
        {"kind": "subwords", "lowercase": False, "normal_form": None, "model": "Z2FyYmFnZQ=="},
    ],
)
def test_a_damaged_tokenizer_is_refused(saved):
    pytest.importorskip("sentencepiece")
    with pytest.raises(DataError, match=r"tokenizer|model"):
        tokenizer_from_dict(saved)


def test_without_the_extra_chinese_is_cut_into_characters_and_a_saved_cutter_is_missed(monkeypatch):
    pytest.importorskip("rjieba")
    saved = Words(han="words").to_dict()
    monkeypatch.setattr("mnemonist.data.text.words.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "rjieba", None)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert Words().tokenize("我吃苹果") == list("我吃苹果")
    assert Words().fingerprint == Words(han="characters").fingerprint
    for make in (
        lambda: tokenizer_from_dict(saved),
        lambda: Words(han="words"),
        lambda: Subwords(b"model"),
        lambda: Subwords.train(["text"]),
    ):
        with pytest.raises(MissingExtraError, match=r"mnemonist\[text\]"):
            make()


def test_subwords_are_the_same_for_the_same_lines_and_seed():
    pytest.importorskip("sentencepiece")
    lines = [f"line {k} of the {k * 7 % 90} sheep" for k in range(300)]

    def model(seed, algorithm="unigram"):
        return Subwords.train(
            iter(lines), vocabulary_size=60, sample_size=100, seed=seed, algorithm=algorithm
        ).model

    assert model(0) == model(0)
    assert model(0) != model(1)
    assert model(0) != model(0, "bpe")


def test_subwords_learn_from_lines_too_long_for_sentencepiece():
    pytest.importorskip("sentencepiece")
    tokenizer = Subwords.train(["abracadabra " * 2000], vocabulary_size=20)
    assert "▁abracada" in tokenizer.tokenize("an abracadabra")


def test_training_subwords_says_what_is_missing():
    pytest.importorskip("sentencepiece")
    with pytest.raises(DataError, match="no text to learn"):
        Subwords.train(["", "  "])
    with pytest.raises(ConfigError, match="more of them"):
        Subwords.train(["abcdefghijklmnopqrstuvwxyz"], vocabulary_size=5)
    with pytest.raises(ConfigError, match="'unigram' or 'bpe'"):
        Subwords.train(["a"], algorithm="words")
    with pytest.raises(ConfigError, match="give the lines"):
        make_tokenizer("subwords")


def test_every_kind_is_a_tokenizer_with_a_name(subwords):
    kinds = [Characters(), Spaces(), Words(), subwords]
    assert all(isinstance(one, Tokenizer) for one in kinds)
    assert [one.kind for one in kinds] == ["characters", "spaces", "words", "subwords"]
