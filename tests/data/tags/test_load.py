"""Files of tags as people have them, and the lines of what is wrong in them."""

import json
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mnemonist.data.tags import TagsConfig, inspect_tagged, iter_tagged, load_tagged, offsets_of
from mnemonist.data.tags.schemes import spans_of
from mnemonist.errors import ConfigError, DataError

CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

# NN B-NP O
1 CD I-NP O

-DOCSTART- -X- -X- O

Peter NNP B-NP B-PER
"""

CONLL_U = """# newdoc id = a
# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\t_

"""


def write(folder, text, name="data.txt", encoding="utf-8", newline=""):
    path = folder / name
    path.write_text(text, encoding=encoding, newline=newline)
    return path


def codes(source, config=None):
    _, findings = inspect_tagged(source, config)
    return [(finding.severity, finding.code, finding.lines) for finding in findings]


def test_conll_2003(tmp_path):
    data = load_tagged(write(tmp_path, CONLL_2003))
    assert [" ".join(one.tokens) for one in data] == ["EU rejects German", "# 1", "Peter"]
    assert data[0].tags == ("B-ORG", "O", "B-MISC")
    assert [one.line for one in data] == [3, 7, 12]
    assert data[0].line_of(2) == 5
    assert [one.document for one in data] == ["1", "1", "2"]
    assert data.scheme == "BIO"
    assert data.notes == [
        "format: 4 columns by white space; tokens in column 1, tags in column 4",
        "documents: 2, by the ids in the file",
        "tags: BIO, which mark spans",
    ]


def test_another_tag_column(tmp_path):
    path = write(tmp_path, CONLL_2003)
    for column in (1, -3):
        data = load_tagged(path, TagsConfig(tag_column=column))
        assert data[0].tags == ("NNP", "VBZ", "JJ")
        assert data.scheme == "raw"
    with pytest.raises(ConfigError, match=r"column 4 of 4: 0 to 3"):
        load_tagged(path, TagsConfig(tag_column=4))


def test_conll_u_takes_words_and_not_the_forms_that_hold_several(tmp_path):
    (sentence,) = load_tagged(write(tmp_path, CONLL_U))
    assert sentence.tokens == ("Vamos", "nos", "a", "el", "mar")
    assert sentence.tags == ("VERB", "PRON", "ADP", "DET", "NOUN")
    assert [sentence.line_of(k) for k in range(5)] == [5, 6, 8, 9, 10]


def test_tabs_keep_spaces_and_hashes_in_tokens(tmp_path):
    (sentence,) = load_tagged(write(tmp_path, "#Paris\tB-LOC\nLe Mans\tB-LOC\n\n"))
    assert sentence.tokens == ("#Paris", "Le Mans")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_word_and_tag_in_every_encoding(tmp_path, encoding, newline):
    text = "迈向/v  充满/v  希望/n  的/u\n\n中共中央/nt  总书记/n  江/nr  泽民/nr\n"
    data = load_tagged(write(tmp_path, text, encoding=encoding, newline=newline))
    assert [len(one) for one in data] == [4, 4]
    assert data[1].tokens[0] == "中共中央"
    assert data[1].line == 3
    assert data.notes[0] == "format: word/TAG, a sentence a line"


def test_document_ids_and_brackets_of_the_full_corpus():
    data = load_tagged(
        [
            "19980101-01-001-005/m  [中央/n  人民/n  广播/vn  电台/n]nt  、/w  [[北京/ns 大学/n]nt 校/n]nz",
            "19980101-01-002-001/m  ［/w  好/a  ］/w  [/w",
        ]
    )
    first, second = data
    assert first.tokens[:2] == ("中央", "人民")
    assert first.tags[3] == "n"
    assert first.groups == ((0, 4, "nt"), (5, 7, "nt"), (5, 8, "nz"))
    assert [one.document for one in data] == ["19980101-01-001", "19980101-01-002"]
    assert second.tokens == ("［", "好", "］", "[")
    assert "brackets: 3 groups" in data.notes[2]


def test_words_may_hold_the_separator():
    (sentence,) = load_tagged(["\tThe/at 1-1/2/cd //, mg/l/hr/nn ''/''"])
    assert sentence.tokens == ("The", "1-1/2", "/", "mg/l/hr", "''")
    (sentence,) = load_tagged(["The_DT snake_case_NN"])
    assert sentence.tokens == ("The", "snake_case")


def test_json_spans_of_characters(tmp_path):
    lines = [
        {"text": "王刚去了 New York。", "entities": [
            {"start": 0, "end": 2, "label": "PER"}, {"start": 5, "end": 13, "label": "LOC"}]},
        {"text": "好", "label": []},
        {"text": "In Rome", "labels": [[3, 7, "LOC"]]},
        {"tokens": ["我", "吃"], "tags": ["O", "O"]},
    ]  # fmt: skip
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    data = load_tagged(write(tmp_path, text, "data.jsonl"))
    assert data[0].tokens == ("王", "刚", "去", "了", "New", "York", "。")
    assert data[0].tags == ("B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O")
    assert [data[0].text[a:b] for a, b in data[0].offsets] == list(data[0].tokens)
    assert data[2].tags == ("O", "B-LOC")
    assert data.scheme == "BIO"


def test_spans_that_overlap_or_cut_tokens_are_told():
    line = json.dumps({"text": "in York", "entities": [[3, 6, "LOC"], [4, 7, "ORG"], [0, 7, "X"]]})
    data, findings = inspect_tagged([line, json.dumps({"text": "Yorks", "spans": [[0, 4, "LOC"]]})])
    assert data[0].tags == ("B-X", "I-X")
    assert data[1].tags == ("B-LOC",)
    assert [(one.severity, one.code, one.line) for one in findings] == [
        ("warning", "overlapping-spans", 1),
        ("warning", "span-cuts-token", 2),
    ]


@pytest.mark.parametrize(
    ("lines", "code", "wrong"),
    [
        (["a/X b/Y"] * 9 + ["c d/X"], "missing-tag", (10,)),
        (["a/X b/Y"] * 9 + ["c/ d/X"], "missing-tag", (10,)),
        (["a/X b/Y"] * 9 + ["/X d/X"], "empty-token", (10,)),
        (["[a/X b/Y]Z"] * 9 + ["a/X b/Y]Z"], "unbalanced-bracket", (10,)),
        (["[a/X b/Y]Z"] * 9 + ["[a/X [b/Y]Z"], "unbalanced-bracket", (10,)),
        (["a X", "b Y", "", "c", "d X", ""] + ["e X"] * 9, "missing-column", (4,)),
        (["a\tX", "b\tY", "", "\tX", "d\t", ""] + ["e\tX"] * 9, "empty-token", (4,)),
        (['{"text": "a"}', "{", "[1]"], "not-json", (2, 3)),
        (['{"text": "a"}', '{"body": "b"}'], "no-text", (2,)),
        (['{"text": "a"}', '{"text": 1}', '{"tokens": "ab", "tags": []}'], "no-text", (2, 3)),
        (['{"text": "a", "entities": [[0, 2, "X"]]}'], "bad-span", (1,)),
        (['{"text": "a", "entities": [{"start": 0, "end": 1}]}'], "bad-span", (1,)),
        (['{"text": "a", "entities": [[0, true, "X"]]}'], "bad-span", (1,)),
        (['{"text": "a", "entities": 5}'], "bad-span", (1,)),
        (['{"tokens": ["a"], "tags": []}'], "uneven-tags", (1,)),
        (['{"tokens": ["a", " "], "tags": ["X", "X"]}'], "empty-token", (1,)),
    ],
)
def test_faults_name_their_lines(lines, code, wrong):
    assert ("fatal", code, wrong) in codes(lines)
    assert ("warning", code, wrong) in codes(lines, TagsConfig(faulty="skip"))


def test_faulty_sentences_are_left_out_only_where_that_is_asked_for():
    lines = ["a/X b/Y"] * 9 + ["c d/X"]
    with pytest.raises(DataError, match=r"lines, line 10: 1 place without a tag: 'c'"):
        load_tagged(lines)
    with pytest.raises(DataError, match="line 10"):
        list(iter_tagged(lines))
    data = load_tagged(lines, TagsConfig(faulty="skip"))
    assert len(data) == 9
    assert "left out" in data.findings[0].message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["just words", "and more of them", "of no layout"], "the first is 'just words'"),
        (["", " "], "no text"),
    ],
)
def test_no_layout(lines, message):
    with pytest.raises(DataError, match=message):
        load_tagged(lines)


def test_files_of_a_folder_and_of_a_pattern(tmp_path):
    for name in ("b1", "a1", "README"):
        write(
            tmp_path,
            f"{name}/NN is/VB\n" if name != "README" else "words only\nhere and there\n",
            name,
        )
    data = load_tagged(str(tmp_path / "??"))
    assert [one.tokens[0] for one in data] == ["a1", "b1"]
    assert [one.file for one in data] == [str(tmp_path / "a1"), str(tmp_path / "b1")]
    with pytest.raises(DataError, match="README"):
        load_tagged(tmp_path)
    with pytest.raises(DataError, match="no file is there"):
        load_tagged(tmp_path / "x*")
    with pytest.raises(DataError, match="no such file"):
        load_tagged(tmp_path / "a2")
    with pytest.raises(DataError, match="more than the bound of 20"):
        load_tagged(str(tmp_path / "??"), TagsConfig(max_bytes=20))
    with pytest.raises(DataError, match="max_line"):
        load_tagged(tmp_path / "a1", TagsConfig(max_line=5))


def test_large_files_are_streamed(tmp_path):
    line = " ".join(f"{'x' * 2_000}{k}/N" for k in range(10)) + "\n"
    path = write(tmp_path, line * 2_000)
    tracemalloc.start()
    count = sum(len(sentence) for sentence in iter_tagged(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000 * 10
    assert peak < path.stat().st_size / 5


@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(exclude_categories=("Z", "C"), exclude_characters="[]"), min_size=1
            ),
            st.text("ABC-", min_size=1),
        ),
        min_size=1,
    )
)
def test_any_words_survive_slashes_and_columns(pairs):
    words, tags = (tuple(part) for part in zip(*pairs, strict=True))
    assume(not words[0][:8].isdigit())
    (sentence,) = load_tagged(
        [" ".join(f"{word}/{tag}" for word, tag in pairs)],
        TagsConfig(file_format="slashed", separator="/"),
    )
    assert (sentence.tokens, sentence.tags) == (words, tags)
    (sentence,) = load_tagged(
        [f"{word}\t{tag}" for word, tag in pairs], TagsConfig(file_format="columns", separator="\t")
    )
    assert (sentence.tokens, sentence.tags) == (words, tags)


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6))))
def test_any_text_with_any_spans_gives_a_tag_for_each_token(text, spans):
    inside = [[a, a + n, "X"] for a, n in spans if a + n <= len(text)]
    data, findings = inspect_tagged([json.dumps({"text": text, "entities": inside})])
    for sentence in data:
        assert "".join(sentence.tokens) == "".join(text[a:b] for a, b in sentence.offsets)
        assert all(span.type == "X" for span in spans_of(sentence.tags, "BIO"))
    assert {one.code for one in findings} <= {
        "overlapping-spans", "span-cuts-token", "no-sentences",
    }  # fmt: skip


def test_offsets_of_tokens_that_were_changed_are_refused():
    with pytest.raises(DataError, match="'peter' does not follow"):
        offsets_of("Peter", ["peter"])
