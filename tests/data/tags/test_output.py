"""What is written is read again as it was."""

from hypothesis import given
from hypothesis import strategies as st

from mnemonist.data.tags import Sentence, TagsConfig, as_columns, as_json, load_tagged

letters = st.text("我吃ab", min_size=1, max_size=3)
tags = st.sampled_from(["O", "B-X", "B-Y"])


@given(st.lists(st.lists(st.tuples(letters, tags), min_size=1, max_size=5), min_size=1))
def test_columns(pairs):
    sentences = [Sentence(*map(tuple, zip(*one, strict=True))) for one in pairs]
    lines = "".join(map(as_columns, sentences)).split("\n")
    config = TagsConfig(file_format="columns", separator="\t")
    again = load_tagged(lines, config)
    assert [(one.tokens, one.tags) for one in again] == [(o.tokens, o.tags) for o in sentences]


@given(st.lists(st.tuples(st.sampled_from("我吃苹果"), tags), min_size=1))
def test_json_of_characters(pairs):
    sentence = Sentence(*map(tuple, zip(*pairs, strict=True)))
    (again,) = load_tagged([as_json(sentence, "BIO")])
    assert (again.tokens, again.tags) == (sentence.tokens, sentence.tags)


def test_offsets_are_those_of_the_text():
    (sentence,) = load_tagged(['{"text": "In  New York.", "entities": [[4, 12, "LOC"]]}'])
    assert as_json(sentence, "BIO") == (
        '{"text": "In  New York.", "entities": '
        '[{"start": 4, "end": 12, "label": "LOC", "text": "New York"}]}'
    )
