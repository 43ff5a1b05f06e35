"""The synthetic pairs: each target is what an independent reading of its source gives."""

from __future__ import annotations

import re
import runpy
import sys
from datetime import date
from pathlib import Path

import pytest

from mnemonist.data.parallel import check_parallel, load_parallel

EXAMPLES = Path(__file__).parents[2] / "examples"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONATE = ["jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez"]


def written(script, path, *options, monkeypatch):
    monkeypatch.setattr(sys, "argv", [script, str(path), *map(str, options)])
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    return path.read_bytes()


def from_chinese(text):
    """Digit by digit, units as they come, 万 closing what stands before it."""
    total = part = digit = 0
    for sign in text:
        if sign in "零〇一二三四五六七八九":
            digit = "零一二三四五六七八九".find(sign.replace("〇", "零"))
        elif sign == "万":
            total, part, digit = (part + digit) * 10_000, 0, 0
        else:
            part += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[sign]
            digit = 0
    return total + part + digit


WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety"
)


def from_english(text):
    words = WORDS.split()
    total = part = 0
    for word in text.replace("-", " ").split():
        if word == "thousand":
            total, part = part * 1000, 0
        elif word == "hundred":
            part *= 100
        elif word != "and":
            at = words.index(word)
            part += at if at <= 20 else 10 * (at - 18)
    return total + part


def read_date(text):
    """A date in any of the forms, by other means than they were written."""
    if "年" in text:
        year, month, day = re.split("[年月日]", text)[:3]
        if not year.isascii():
            year = "".join(str("〇一二三四五六七八九".index(sign)) for sign in year)
            month, day = from_chinese(month), from_chinese(day)
        return date(int(year), int(month), int(day))
    if match := re.fullmatch(r"(\d+)/(\d+)/(\d+)", text):
        month, day, year = map(int, match.groups())
        return date(year, month, day)
    if match := re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text):
        day, month, year = map(int, match.groups())
        return date(year, month, day)
    day, year = (int(number) for number in re.findall(r"\d+", text))
    words = [word[:3].lower() for word in re.findall(r"[^\W\d]{3,}", text)]
    month = next(names.index(one) for one in words for names in (MONTHS, MONATE) if one in names)
    return date(year, month + 1, day)


def test_dates_mean_what_stands_beside_them(tmp_path, monkeypatch):
    written("make_dates.py", tmp_path / "a.tsv", "--rows", 3000, monkeypatch=monkeypatch)
    pairs = load_parallel(tmp_path / "a.tsv")
    assert len(pairs) > 2900
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        assert read_date(source).isoformat() == target, source
    codes = {finding.code for finding in check_parallel(tmp_path / "a.tsv")}
    assert codes <= {"equal-pairs"}


@pytest.mark.parametrize(("words", "read"), [("english", from_english), ("chinese", from_chinese)])
def test_numbers_mean_what_stands_beside_them(words, read, tmp_path, monkeypatch):
    written(
        "make_numbers.py", tmp_path / "a.tsv", "--words", words, "--rows", 5000,
        monkeypatch=monkeypatch,
    )  # fmt: skip
    pairs = load_parallel(tmp_path / "a.tsv")
    assert len(pairs) > 2000
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        assert read(target) == int(source), target


def test_chinese_numbers_are_written_as_people_do():
    chinese = runpy.run_path(str(EXAMPLES / "make_numbers.py"))["chinese"]
    known = {
        10: "十", 15: "十五", 105: "一百零五", 110: "一百一十", 1010: "一千零一十", 10_000: "一万",
        10_001: "一万零一", 100_500: "十万零五百", 110_000: "十一万", 305_020: "三十万五千零二十",
    }  # fmt: skip
    assert {number: chinese(number) for number in known} == known


@pytest.mark.parametrize("script", ["make_dates.py", "make_numbers.py"])
def test_the_same_seed_writes_the_same_file(script, tmp_path, monkeypatch):
    files = [
        written(script, tmp_path / "a.tsv", "--rows", 50, "--seed", seed, monkeypatch=monkeypatch)
        for seed in (1, 1, 2)
    ]
    assert files[0] == files[1] != files[2]
