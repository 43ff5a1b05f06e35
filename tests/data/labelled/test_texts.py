"""Texts with labels as people keep them: tables, a file for each label, a folder for each label."""

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnemonist.data.labelled import LabelledConfig, check_labelled, load_labelled
from mnemonist.errors import ConfigError, DataError

REVIEWS = [
    ("这本书很好，推荐", "pos"),
    ("质量太差", "neg"),
    ("还可以,不错", "pos"),
    ("失望", "neg"),
]


def table(rows, header=("text", "label"), delimiter=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_csv_of_chinese_reviews_reads_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "reviews.csv"
    path.write_bytes(table(REVIEWS).encode(encoding))
    data = load_labelled(path)
    assert data.items == [text for text, _ in REVIEWS]
    assert [data.classes[code] for code in data.labels] == [label for _, label in REVIEWS]
    assert data.lines.tolist() == [2, 3, 4, 5]
    assert data.kind == "text"


def test_columns_are_found_by_content_and_said(tmp_path):
    path = tmp_path / "sms.tsv"
    path.write_text(table([("spam", "win a prize now", "7"), ("ham", "see you at six", "8"),
                           ("ham", "where are you", "9"), ("spam", "call this number", "10")],
                          ("kind of it", "what they wrote", "number"), "\t"))  # fmt: skip
    data = load_labelled(path)
    assert data.items[0] == "win a prize now"
    assert data.classes == ("ham", "spam")
    assert "label: the column 'kind of it'" in data.notes
    assert "text: the column 'what they wrote'" in data.notes


def test_a_table_without_header_keeps_its_first_row(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("so good,pos\nso bad,neg\nvery good,pos\nawful,neg\n")
    data = load_labelled(path)
    assert data.items == ["so good", "so bad", "very good", "awful"]
    assert data.lines.tolist() == [1, 2, 3, 4]
    assert any("no header" in note for note in data.notes)


def test_json_lines(tmp_path):
    path = tmp_path / "reviews.jsonl"
    rows = [{"text": text, "label": label, "spans": [1]} for text, label in REVIEWS]
    path.write_text("\n".join(json.dumps(row) for row in rows[:2]) + "\n\n" + json.dumps(rows[2]))
    data = load_labelled(path)
    assert data.items == [text for text, _ in REVIEWS[:3]]
    assert data.lines.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 2: no JSON"), ("[1]", "line 2: list; an object"), ("3", "line 2: int")],
)
def test_a_line_that_is_no_json_object_is_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n' + line + "\n")
    with pytest.raises(DataError, match=message):
        load_labelled(path)


def test_a_file_for_each_label(tmp_path):
    (tmp_path / "pos.txt").write_bytes("很好\r\n\r\n不错\r\n".encode("gbk"))
    (tmp_path / "neg.txt").write_text("太差\n")
    data = load_labelled(tmp_path)
    assert data.items == ["太差", "很好", "不错"]
    assert data.classes == ("neg", "pos")
    assert data.labels.tolist() == [0, 1, 1]
    assert data.where(2) == f"{tmp_path / 'pos.txt'}, line 3"
    (empty,) = data.findings
    assert (empty.code, empty.line) == ("empty-items", 2)
    named = load_labelled([tmp_path / "pos.txt", tmp_path / "neg.txt"])
    assert named.items == ["很好", "不错", "太差"]


def test_a_folder_for_each_label(tmp_path):
    for label, name, text in (
        ("pos", "0_9", "a fine\nfilm"),
        ("neg", "1_2", "dull"),
        ("pos", "2", "ok"),
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{name}.txt").write_text(text)
    data = load_labelled(tmp_path)
    assert dict(zip(data.items, data.labels.tolist(), strict=True)) == {
        "dull": 0,
        "a fine\nfilm": 1,
        "ok": 1,
    }


def test_a_folder_that_is_neither_says_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"two or more \.txt files"):
        load_labelled(tmp_path)
    (tmp_path / "pos.txt").write_text("a")
    (tmp_path / "neg").mkdir()
    with pytest.raises(DataError, match="both text files"):
        load_labelled(tmp_path)


def test_none_and_na_are_labels_and_an_empty_cell_is_missing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na b,none\nc d,NA\ne f,\ng h,none\n")
    with pytest.raises(DataError, match=r"line 4: 1 of 4 items have no label.*Remedy"):
        load_labelled(path)
    assert load_labelled(path, labelled=False).labels.tolist() == [1, 0, -1, 1]


def test_empty_texts_are_left_out_with_their_lines():
    frame = pd.DataFrame({"text": ["a b", None, float("nan"), "c d", " "], "label": list("xyxyx")})
    data = load_labelled(frame)
    assert data.items == ["a b", "c d"]
    (finding,) = data.findings
    assert (finding.code, finding.lines) == ("empty-items", (2, 3, 5))


def test_files_of_symbols_are_put_in_upper_case_or_refused_with_the_line(tmp_path):
    (tmp_path / "exon.txt").write_text("acgt\nAC GT\n")
    (tmp_path / "intron.txt").write_text("gggg\n")
    data = load_labelled(tmp_path, LabelledConfig(kind="symbols"))
    assert (data.kind, data.items) == ("symbols", ["ACGT", "ACGT", "GGGG"])
    (tmp_path / "intron.txt").write_text("gggg\ngg,gg\n")
    with pytest.raises(DataError, match=r"intron.txt, line 2: ',' is no symbol"):
        load_labelled(tmp_path, LabelledConfig(kind="symbols"))


def test_texts_to_classify_need_no_labels(tmp_path):
    path = tmp_path / "new.txt"
    path.write_text("first\nsecond\n")
    data = load_labelled(path, labelled=False)
    assert data.items == ["first", "second"]
    assert data.labels.tolist() == [-1, -1]
    frame = pd.DataFrame({"review": ["a", "b"]})
    assert load_labelled(frame, labelled=False).items == ["a", "b"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"label": "lable"}, "no column 'lable'; the nearest is 'label'"),
        ({"kind": "series"}, "tells which series a row belongs to"),
        ({"max_bytes": 10}, "more than the bound of 10"),
        ({"max_length": 3}, "longer than the bound of 3"),
    ],
)
def test_what_cannot_be_says_what_to_do(tmp_path, config, message):
    path = tmp_path / "a.csv"
    path.write_text(table([("so good", "pos"), ("so bad", "neg")] * 2))
    with pytest.raises(DataError, match=message):
        load_labelled(path, LabelledConfig(**config))


def test_a_kind_that_the_file_is_not(tmp_path):
    (tmp_path / "pos.fasta").write_text(">a x\nACGT\n")
    with pytest.raises(ConfigError, match="'symbols'"):
        load_labelled(tmp_path / "pos.fasta", LabelledConfig(kind="text"))


def test_strings_of_nucleotides_in_a_table_are_symbols(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sequence,class\nacgtacgt,x\nACGTNCGA,y\n")
    data = load_labelled(path)
    assert (data.kind, data.items[0]) == ("symbols", "ACGTACGT")
    assert load_labelled(path, LabelledConfig(kind="text")).items[0] == "acgtacgt"


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(CELLS, st.sampled_from(["a", "b", "c d"])), min_size=2, max_size=8))
def test_json_lines_give_back_any_text(tmp_path, rows):
    path = tmp_path / "any.jsonl"
    rows = [("start", "a"), *rows]
    path.write_text(
        "\n".join(json.dumps({"text": t, "label": y}) for t, y in rows), encoding="utf-8"
    )
    data = load_labelled(path, LabelledConfig(kind="text"))
    kept = [(text.strip(), label) for text, label in rows if text.strip()]
    assert list(zip(data.items, (data.classes[k] for k in data.labels), strict=True)) == kept


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(min_size=1, max_size=200), ending=st.sampled_from([
    "csv", "tsv", "jsonl", "ts", "fasta", "npz", "npy"]))  # fmt: skip
def test_any_bytes_are_read_or_refused_with_a_data_error(tmp_path, content, ending):
    path = tmp_path / f"any.{ending}"
    path.write_bytes(content)
    try:
        findings = check_labelled(path)
    except DataError:
        return
    assert all(finding.message for finding in findings)
