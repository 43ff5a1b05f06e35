"""Files as users have them: any delimiter, decimal sign and encoding, or a message that helps."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data import read_table
from mnemonist.data.dialect import sniff
from mnemonist.errors import DataError


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "load.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"]
)
def test_a_chinese_table_reads_the_same_in_every_encoding(tmp_path, encoding):
    text = "日期,用电负荷,气温\n2024-01-01,3.5,-2\n2024-01-02,3.75,-1.5\n" * 1
    table = read_table(write(tmp_path, text, encoding))
    assert list(table.frame.columns) == ["日期", "用电负荷", "气温"]
    assert table.frame["用电负荷"].tolist() == ["3.5", "3.75"]
    assert table.lines.tolist() == [2, 3]
    told = any("encoding" in note for note in table.notes)
    assert told == (not encoding.startswith("utf-8"))


def test_latin_1_is_not_taken_for_gbk_and_the_line_is_named(tmp_path):
    path = write(tmp_path, "jour,température\n1,2\n2,3\n", "latin-1")
    with pytest.raises(DataError, match=r"line 1: the byte 0xE9 .*encoding='latin-1'"):
        read_table(path)
    assert list(read_table(path, encoding="latin-1").frame.columns) == ["jour", "température"]


def test_the_line_of_a_bad_byte_far_into_the_file_is_right(tmp_path):
    path = tmp_path / "load.csv"
    good = b"day,load\n" + b"".join(b"%d,1.5\n" % k for k in range(200_000))
    path.write_bytes(good + b"200000,\xff\n")
    with pytest.raises(DataError, match=r"line 200002: the byte 0xFF"):
        read_table(path)


def test_an_unknown_or_wrong_encoding_is_named(tmp_path):
    path = write(tmp_path, "日期,负荷\n1,2\n", "gbk")
    with pytest.raises(DataError, match="no encoding that Python knows"):
        read_table(path, encoding="klingon")
    with pytest.raises(DataError, match="is not utf-8"):
        read_table(path, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        ("a,b\n1.5,2\n", ",", "."),
        ("a;b\n1,5;2,25\n", ";", ","),
        ("a\tb\n1,5\t2\n", "\t", ","),
        ("a|b\n1.5|2\n", "|", "."),
        ("a;b\n1.5;2\n", ";", "."),
        ("value\n1,5\n2,5\n", "\t", ","),
    ],
)
def test_delimiter_and_decimal_sign_are_sniffed(text, delimiter, decimal):
    dialect = sniff(text.splitlines())
    assert (dialect.delimiter, dialect.decimal, dialect.header) == (delimiter, decimal, True)


def test_a_missing_header_is_seen_and_said(tmp_path):
    table = read_table(write(tmp_path, "2024-01-01,3.5\n2024-01-02,3.6\n"))
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert table.lines.tolist() == [1, 2]
    assert any("no header" in note for note in table.notes)


def test_quoted_line_breaks_comments_and_blank_lines_keep_line_numbers(tmp_path):
    text = '# from the meter\n\nnote,load\n"two\nlines",1\n\nplain,2\n'
    table = read_table(write(tmp_path, text))
    assert table.lines.tolist() == [4, 7]
    assert any("2 lines before the table" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "only blank"),
        ("day,load\n", "a header .* and no rows"),
        ("day,load,load\n1,2,3\n", "'load' stands 2 times .*columns 2, 3"),
        ("day,load\n1,2\n2,1,234\n3,5\n", "line 3: 3 fields where the first row has 2.*thousands"),
        ('day,load\n1,"2\n', "load.csv"),
    ],
)
def test_tables_that_are_none(tmp_path, text, message):
    path = write(tmp_path, text)
    if message == "load.csv":
        assert len(read_table(path)) == 1  # an unclosed quote reaches the end of the file
        return
    with pytest.raises(DataError, match=message):
        read_table(path)


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"PK\x03\x04", "Excel workbook"), (b"\x1f\x8b\x08", "gzip")]
)
def test_a_workbook_or_an_archive_is_named(tmp_path, magic, kind):
    path = tmp_path / "load.csv"
    path.write_bytes(magic + bytes(range(256)))
    with pytest.raises(DataError, match=f"{kind}.*as CSV"):
        read_table(path)


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, "a\n1\n", name="demand.csv")
    with pytest.raises(DataError, match=r"no such file.*demand\.csv\?"):
        read_table(tmp_path / "demnad.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_table(tmp_path)


def test_a_file_above_the_bound_is_refused_before_it_is_read(tmp_path):
    path = write(tmp_path, "a,b\n" + "1,2\n" * 100)
    with pytest.raises(DataError, match=r"404 bytes, more than the bound of 100"):
        read_table(path, max_bytes=100)


def test_parquet_and_frames_keep_their_types(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=3), "load": [1.0, 2.0, 3.0]})
    path = tmp_path / "load.parquet"
    frame.to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path).frame, frame, check_dtype=False)
    indexed = frame.set_index("day")
    assert list(read_table(indexed).frame.columns) == ["day", "load"]
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="no readable Parquet"):
        read_table(path)


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8
).filter(lambda cell: cell.strip())


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows, delimiter, encoding):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["time", "日", "value"])
    writer.writerows(rows)
    path = write(tmp_path_factory.mktemp("csv"), buffer.getvalue(), encoding)
    table = read_table(path, delimiter=delimiter)
    assert table.frame.to_numpy().tolist() == rows
    assert len(table.lines) == len(rows)
