"""Lines of files as users have them, and what a check says about them."""

import gzip
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.text import Text, check_lines, read_lines
from mnemonist.data.text.check import _Repeated
from mnemonist.errors import ConfigError, DataError

POEM = ["白日依山尽，", "黄河入海流。", "", "欲穷千里目，", "更上一层楼。"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_are_the_same_in_every_encoding_and_convention(tmp_path, encoding, newline, last):
    path = tmp_path / "poem.txt"
    path.write_bytes((newline.join(POEM) + (newline if last else "")).encode(encoding))
    assert list(read_lines(path)) == list(enumerate(POEM, start=1))
    assert list(read_lines(str(path))) == list(read_lines(POEM))


def test_a_named_encoding_is_taken_at_its_word(tmp_path):
    path = tmp_path / "jour.txt"
    path.write_bytes("été\n".encode("latin-1"))
    assert list(read_lines(path, encoding="latin-1")) == [(1, "été")]
    with pytest.raises(DataError, match="line 1: the byte 0xE9"):
        list(read_lines(path))
    with pytest.raises(DataError, match="is not utf-8"):
        list(read_lines(path, encoding="utf-8"))
    with pytest.raises(DataError, match="no encoding that Python knows"):
        list(read_lines(path, encoding="klingon"))


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for name, text in [("b.txt", "b1\nb2"), ("a.TXT", "a1\n"), ("c.md", "no"), ("0.txt", "")]:
        (tmp_path / name).write_text(text)
    assert list(read_lines(tmp_path)) == [(1, "a1"), (1, "b1"), (2, "b2")]
    blocks = list(Text(tmp_path).blocks())
    assert [block.starts for block in blocks] == [[0, 1]]


def test_what_cannot_be_read_is_told(tmp_path):
    poem = tmp_path / "poem.txt"
    with pytest.raises(DataError, match=r"no \.txt file"):
        read_lines(tmp_path)
    poem.write_bytes(b"")
    with pytest.raises(DataError, match=r"is empty \(0 bytes\); lines of text"):
        read_lines(poem)
    poem.write_text("line\n" * 10)
    with pytest.raises(DataError, match=r"Did you mean .*poem\.txt"):
        read_lines(tmp_path / "poen.txt")
    with pytest.raises(DataError, match="50 bytes, more than the bound of 49"):
        read_lines(poem, max_bytes=49)
    with pytest.raises(DataError, match="50 bytes, more than the bound of 49"):
        read_lines(tmp_path, max_bytes=49)
    poem.write_bytes(gzip.compress(b"line\n"))
    with pytest.raises(DataError, match="compressed with gzip"):
        list(read_lines(poem))
    with pytest.raises(ConfigError, match="blank='drop'"):
        Text(["a"], blank="drop")


def test_lines_from_memory_are_texts_without_breaks():
    with pytest.raises(DataError, match="line 2 holds a line break"):
        list(read_lines(["a", "b\nc"]))
    with pytest.raises(DataError, match="line 1 is bytes"):
        list(read_lines([b"a"]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ab é的\t\x0b\u2028\x85"), max_size=12), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 7),
)
def test_reading_in_pieces_is_splitting_at_line_breaks(tmp_path_factory, lines, newline, block):
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_bytes("".join(line + newline for line in [*lines, "end"]).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnemonist.data.text.lines._BLOCK", block)
        assert [line for _, line in read_lines(path)] == [*lines, "end"]
        blocks = list(Text(path).blocks())
    assert [line for block in blocks for line in block.lines] == [*lines, "end"]


@pytest.mark.parametrize(
    ("blank", "numbers", "starts"),
    [
        ("keep", [1, 2, 3, 4, 5, 6, 7], [0]),
        ("skip", [2, 3, 6], [0]),
        ("split", [2, 3, 6], [0, 2]),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 1000])
def test_blank_lines_are_kept_skipped_or_part_documents(
    tmp_path, monkeypatch, blank, numbers, starts, block
):
    monkeypatch.setattr("mnemonist.data.text.lines._BLOCK", block)
    path = tmp_path / "poems.txt"
    path.write_text("\na\nb\n\n \t\nc\n\n")
    found, begins = [], []
    for one in Text(path, blank=blank).blocks():
        begins += [len(found) + start for start in one.starts]
        found += one.numbers
    assert (found, begins) == (numbers, starts)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "dump.txt"
    with path.open("w") as file:
        file.write("short\n")
        for _ in range(40):
            file.write("x" * 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"line 2: more than 1,000,000 characters"):
            list(read_lines(path))
        (finding,) = (one for one in check_lines(path) if one.severity == "fatal")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (finding.code, finding.line) == ("line-too-long", 2)
    assert peak < 20 * 2**20


def codes(lines, **options):
    return {finding.code: finding for finding in check_lines(lines, **options)}


def test_clean_text_has_no_findings():
    assert check_lines(["The cat sat.", "“It’s a hat”, he said.", "王刚吃苹果。"]) == []


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("a bell\x07", "control-characters", "U+0007"),
        ("a soft\u00adhyphen", "invisible-characters", "U+00AD"),
        ("\ufeffa mark", "invisible-characters", "U+FEFF"),
        ("lost \ufffd one", "replacement-characters", "U+FFFD"),
        ("e\u0301 is not é", "not-normalised", "NFC"),
        ("ä " * 5001, "long-lines", "10,000"),
        ("it isn’t".encode().decode("cp1252"), "mojibake", "for ’"),
        ("it isn’t".encode().decode("latin-1"), "mojibake", "for ’"),
        ("une café".encode().decode("latin-1"), "mojibake", "Ã© for é"),
        ("王刚吃苹果".encode().decode("latin-1"), "mojibake", "for 王刚"),
        ("王刚吃苹果王刚".encode().decode("gb18030", "replace"), "mojibake", "for 王刚吃苹果"),
        ("手持两把锟斤拷", "mojibake", "锟斤拷"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_place(line, code, told):
    finding = codes(["some text", line])[code]
    assert told in finding.message
    assert finding.line == 2
    assert finding.remedy


@pytest.mark.parametrize(
    "line",
    [
        "voilà » CAFÉ » «café » „Ü“ É” naïve",
        "历史总是不断重演力使总事不断虫眼",
        "Â quoi, Ãgua é à",
        "要什么没什么联通",
    ],
)
def test_foreign_text_is_not_taken_for_damaged_text(line):
    assert "mojibake" not in codes([line, "more text"])


def test_files_that_are_no_running_text(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"one\r\ntwo\nthree\rfour\n")
    found = codes(path)
    assert found["mixed-newlines"].message == "lines end in 3 ways: CR, LF, CR LF"
    assert "4 of the 4 lines" in found["one-word-lines"].message
    path.write_bytes("王刚和李明去上班了\n我吃苹果\n".encode("gbk"))
    assert list(codes(path)) == ["encoding"]
    assert "GBK" in codes(path)["encoding"].message
    assert codes(path, encoding="gbk") == {}
    path.write_text("\n \n")
    assert codes(path)["no-text"].severity == "fatal"
    (tmp_path / "more.txt").write_text("some text\n")
    assert codes(tmp_path)["no-text"].severity == "warning"
    assert codes([])["no-text"].severity == "fatal"


def test_repeated_lines_are_counted_across_files_and_blank_ones_are_not(tmp_path):
    (tmp_path / "a.txt").write_text("the cat sat\n\n\n\nthe dog sat\n")
    (tmp_path / "b.txt").write_text("the cat sat\nthe hat sat\n")
    found = codes(tmp_path)
    assert found["repeated-lines"].severity == "warning"
    assert "25.0% of the lines" in found["repeated-lines"].message
    assert found["empty-lines"].lines == (3, 4)


def test_speakers_of_a_play_may_repeat_and_copied_text_may_not():
    speeches = [f"What would you have me say the {k}th time, my lord?" for k in range(40)]
    play = [line for speech in speeches for line in ("HAMLET.", speech, "[_Exeunt._]")]
    assert "repeated-lines" not in codes(play)
    copied = codes(play + play[:20])["repeated-lines"]
    assert copied.severity == "warning"
    assert copied.message.startswith("14.6% of the lines, but for short ones, repeat")
    assert "HAMLET" not in copied.message
    assert copied.line == 122  # the first speech again


def test_the_share_of_repeated_lines_is_estimated_in_bounded_memory():
    exact, bounded = _Repeated(), _Repeated(bound=500)
    for number in range(20_000):  # each third line stands twice
        text = f"line {number % 15_000}"
        exact.add(number, text)
        bounded.add(number, text)
        assert len(bounded._counts) <= 500
    assert exact.share == 0.25
    assert bounded.share == pytest.approx(0.25, abs=0.06)
