"""Pairs of texts: every format gives the same pairs, with lines; what is wrong is found."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnemonist.data.parallel import (
    ParallelConfig,
    ParallelSet,
    check_parallel,
    check_parts,
    load_parallel,
    split_parallel,
)
from mnemonist.errors import ConfigError, DataError

PAIRS = [("你好", 'He said "hello'), ("再见", "Goodbye, friend"), ("谢谢", "Thanks; a lot")]
ZH, EN = [zh for zh, _ in PAIRS], [en for _, en in PAIRS]


def as_csv(delimiter=",", header=("zh", "en")):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *PAIRS])
    return text.getvalue()


def as_tsv(header=""):
    return header + "".join(f"{zh}\t{en}\n" for zh, en in PAIRS)


def as_objects(**more):
    return [{"id": k, "zh": zh, "translation": {"en": en}} for k, (zh, en) in enumerate(PAIRS)]


NAMED = {"source": "zh", "target": "en"}
NESTED = {"source": "zh", "target": "translation.en"}
FILES = {
    "tsv with a header": ("a.tsv", as_tsv("zh\ten\n"), NAMED, [2, 3, 4]),
    "tsv, header found": ("a.txt", as_tsv("Source\tTarget\n"), {}, [2, 3, 4]),
    "tsv without": ("a.tsv", as_tsv(), {}, [1, 2, 3]),
    "columns by number": ("a.tsv", as_tsv(), {"source": "1", "target": "2"}, [1, 2, 3]),
    "csv": ("a.csv", as_csv(), NAMED, [2, 3, 4]),
    "semicolons": ("a.csv", as_csv(";"), {"delimiter": ";"} | NAMED, [2, 3, 4]),
    "lines of JSON": (
        "a.jsonl",
        "\n".join(json.dumps(one, ensure_ascii=False) for one in as_objects()),
        NESTED,
        [1, 2, 3],
    ),
    "JSON": ("a.json", json.dumps(as_objects()), NESTED, [1, 1, 1]),
    "JSON over lines": ("a.json", json.dumps(as_objects(), indent=1), NESTED, [2, 9, 16]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("case", FILES)
def test_every_format_gives_the_same_pairs(case, encoding, tmp_path):
    name, text, fields, lines = FILES[case]
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    pairs = load_parallel(path, ParallelConfig(**fields))
    assert list(zip(pairs.sources, pairs.targets, strict=True)) == PAIRS
    assert pairs.lines.tolist() == lines


def test_two_files_are_one_line_against_another(tmp_path):
    (tmp_path / "a.zh").write_text("\r\n".join(ZH) + "\r\n", encoding="gbk", newline="")
    (tmp_path / "a.en").write_text("\n".join(EN), encoding="utf-16")
    pairs = load_parallel(tmp_path / "a.zh", ParallelConfig(target_file=str(tmp_path / "a.en")))
    assert (pairs.sources, pairs.targets, pairs.lines.tolist()) == (ZH, EN, [1, 2, 3])


def test_a_line_separator_of_unicode_ends_no_line(tmp_path):
    """str.splitlines cuts there, and would shift all the pairs that follow."""
    (tmp_path / "a").write_text("one\u2028half\x0b\ntwo\n", encoding="utf-8")
    (tmp_path / "b").write_text("eins\nzwei\n", encoding="utf-8")
    pairs = load_parallel(tmp_path / "a", ParallelConfig(target_file=str(tmp_path / "b")))
    assert pairs.sources == ["one\u2028half", "two"]


printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(
    st.lists(st.tuples(printable, printable), min_size=1, max_size=8, unique=True), st.booleans()
)
def test_what_is_written_is_read(tmp_path_factory, pairs, indented):
    folder = tmp_path_factory.mktemp("pairs")
    records = [{"source": source, "target": target} for source, target in pairs]
    (folder / "a.json").write_text(json.dumps(records, indent=indented or None), encoding="utf-8")
    text = "source\ttarget\n" + "".join(f"{source}\t{target}\n" for source, target in pairs)
    (folder / "a.tsv").write_text(text, encoding="utf-8")
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("source", "target"), *pairs])
    for name in ("a.json", "a.tsv", "a.csv"):
        found = load_parallel(folder / name)
        assert list(zip(found.sources, found.targets, strict=True)) == pairs
    assert all(one < other for one, other in pairwise(found.lines.tolist()))


def findings(tmp_path, text, name="a.tsv", **config):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return {one.code: one for one in check_parallel(tmp_path / name, ParallelConfig(**config))}


def test_what_is_wrong_is_found_with_its_lines(tmp_path):
    usual = "".join(f"Satz {k} steht hier\tsentence {k} is here\n" for k in range(20))
    odd = (
        "\tno source\nkein Ziel\t \nOK\tOK\nSatz 1 steht hier\tsentence 1 is here\n"
        f"kurz\t{'long ' * 20}\nSatz 2 steht hier\tthe second sentence\n{'lang ' * 60}\t"
        f"{'long ' * 60}\n"
    )
    found = findings(tmp_path, usual + odd)
    assert {code: one.lines for code, one in found.items()} == {
        "empty-side": (21, 22),
        "identical-sides": (23,),
        "equal-pairs": (24,),
        "length-ratio": (25,),
        "several-translations": (3, 26),
        "very-long": (27,),
        "note": (),
    }
    assert "1 of 24 pairs" in found["identical-sides"].message
    assert "no header: the source is column 1" in found["note"].message
    assert not any(one.severity == "fatal" for one in found.values())
    assert load_parallel(tmp_path / "a.tsv").lines.tolist() == [*range(1, 21), 23, 25, 26, 27]
    keeping = ParallelConfig(deduplicate=False)
    assert 24 in load_parallel(tmp_path / "a.tsv", keeping).lines


def test_files_of_unequal_length_are_fatal(tmp_path):
    (tmp_path / "b.en").write_text("one\ntwo\nthree\n")
    config = ParallelConfig(target_file=str(tmp_path / "b.en"))
    for text, message in (
        ("eins\nzwei\n", r"b.en has 3 lines and \S*a.de 2"),
        ("eins\nzwei\ndrei\nvier\nfuenf", r"a.de has 5 lines and \S*b.en 3"),
    ):
        (tmp_path / "a.de").write_text(text)
        with pytest.raises(DataError, match=message):
            load_parallel(tmp_path / "a.de", config)


@pytest.mark.parametrize(
    ("name", "text", "config", "message"),
    [
        ("a.tsv", "nur eins\n", {}, r"line 1: 1 columns, of which column 2 .* delimiter"),
        ("a.tsv", "zh\ten\na\tb\nc\n", NAMED, "line 3: 1 columns"),
        ("a.tsv", "zh\ten\na\tb\n", {"source": "cn"}, "no column 'cn'.*'zh', 'en'"),
        ("a.tsv", "a\tb\n", {"source": "3"}, "no column '3'"),
        ("a.csv", "zh,en\na," + "b" * 200_000, NAMED, "line 2: field larger than"),
        ("a.jsonl", '{"source": "a", "target": "b"}\n{"source": ', {}, "line 2: this is no JSON"),
        ("a.jsonl", '{"zh": "a", "en": "b"}', {}, "no field 'source'; there are 'zh', 'en'"),
        ("a.jsonl", '["a", "b"]', {}, "an object with the field 'source'"),
        ("a.jsonl", '{"source": ["a"], "target": "b"}', {}, "holds no text but list"),
        ("a.json", '{"source": "a"}', {}, "a JSON list of objects was expected"),
        ("a.json", '[\n{"source": "a", "target": "b"}\n{}]', {}, "line 2: after this item a comma"),
        ("a.json", '[{"source": "a", "target": "b"},', {}, "no JSON"),
        ("a.json", "[" * 100_000, {}, "nested too deeply"),
        ("a.json", '[{"source": ' + "1" * 5000 + "}]", {}, "no JSON"),
        ("a.json", "[]", {}, "there are no pairs"),
        ("a.tsv", "\n \n", {}, "there are no pairs"),
        ("a.tsv", "a\t" + "b" * 30, {"max_length": 20}, "30 characters, more than the bound of 20"),
        ("a.tsv", "a\tb" * 30, {"max_bytes": 20}, "more than the bound of 20"),
        ("a.tsv", "a\tb", {"encoding": "klingon"}, "no encoding that Python knows"),
        ("a.tsv", "ä\tb", {"encoding": "ascii"}, "is not ascii"),
    ],
)
def test_files_that_are_no_pairs_are_refused(tmp_path, name, text, config, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_parallel(tmp_path / name, ParallelConfig(**config))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        load_parallel(tmp_path / "a.tsv")
    (tmp_path / "a").write_text("one\n")
    with pytest.raises(DataError, match=r"b\.en: there is no such file"):
        load_parallel(tmp_path / "a", ParallelConfig(target_file=str(tmp_path / "b.en")))


def corpus(rows=400):
    random = np.random.default_rng(0)
    sources = [f"Satz {k}" + random.choice(["", ".", "!"]) for k in random.integers(150, size=rows)]
    return ParallelSet.from_pairs((one, f"t{random.integers(300)}") for one in sources)


@pytest.mark.parametrize("together", ["source", "either"])
def test_no_part_knows_a_sentence_of_another(together):
    pairs = corpus()
    parts = split_parallel(pairs, valid=0.15, test=0.25, together=together)
    lines = [part.lines.tolist() for part in (parts.train, parts.valid, parts.test)]
    assert sorted(line for part in lines for line in part) == pairs.lines.tolist()
    assert all(one == sorted(one) for one in lines)
    for part in (parts.valid, parts.test):
        assert check_parts(parts.train, part) == []
        if together == "either":
            assert check_parts(parts.train.swapped(), part.swapped()) == []
    if together == "source":
        assert len(parts.test) == pytest.approx(100, abs=8)
        assert len(parts.valid) == pytest.approx(60, abs=8)


def test_the_same_seed_gives_the_same_parts():
    def lines(seed):
        return split_parallel(corpus(), seed=seed).test.lines.tolist()

    assert lines(1) == lines(1)
    assert lines(1) != lines(2)


def test_shares_that_cannot_be_are_refused():
    pairs = corpus()
    for shares in ({"valid": -0.1}, {"valid": 0.5, "test": 0.5}):
        with pytest.raises(ConfigError, match="together below 1"):
            split_parallel(pairs, **shares)
    same = ParallelSet.from_pairs([("a", str(k)) for k in range(9)])
    with pytest.raises(ConfigError, match="9 pairs in 1 groups"):
        split_parallel(same)


def test_known_sources_of_a_given_test_file_are_found():
    train, test = corpus(), corpus(20)
    (finding,) = check_parts(train, test, "validation")
    assert finding.code == "known-sources"
    assert "20 of 20 sources of the validation part" in finding.message
