"""A sentence a line, each word with its tag: `word/TAG` or `word_TAG`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from sys import intern

from mnemonist.data.tags.faults import Faults
from mnemonist.data.tags.layout import Layout
from mnemonist.data.tags.model import Sentence
from mnemonist.data.tags.schemes import Span

__all__ = ["read_slashed"]

_DOCUMENT = re.compile(r"(\d{8}-\d+-\d+)(?:-\d+)*")
_NO_GROUPS: tuple[Span, ...] = ()


def read_slashed(
    lines: Iterable[tuple[int, str]], layout: Layout, file: str, faults: Faults
) -> Iterator[Sentence]:
    """The sentences of a file of `word/TAG` lines; those with faults are left out and told.

    The tag follows the last separator, so a word may hold it: `1/2/CD`. Blank lines are skipped.
    Words in brackets, `[中央/n 电视台/n]nt`, are kept as they are and their span is one of
    `groups`. An id such as 19980101-01-001-002 as the first word is no word: its first three
    numbers name the document.
    """
    assert layout.separator is not None
    for number, line in lines:
        sentence = _sentence(line, number, layout.separator, file, faults)
        if sentence is not None:
            yield sentence


def _sentence(line: str, number: int, separator: str, file: str, faults: Faults) -> Sentence | None:
    items = line.split()
    document, groups = "", _NO_GROUPS
    if items and (match := _DOCUMENT.fullmatch(items[0].rpartition(separator)[0])):
        document = match[1]
        del items[0]
    if "]" in line and any(_closing(separator).fullmatch(item) for item in items):
        items, groups, wrong = _without_brackets(items, separator)
        if wrong:
            faults.add("unbalanced-bracket", file, number, wrong)
            return None
    words, tags = [], []
    for item in items:
        word, found, tag = item.rpartition(separator)
        if not found or not word or not tag:
            code = "empty-token" if found and tag else "missing-tag"
            faults.add(code, file, number, item)
            return None
        words.append(intern(word))
        tags.append(intern(tag))
    if not words:
        return None
    return Sentence(tuple(words), tuple(tags), file, number, document=document, groups=groups)


def _without_brackets(
    items: list[str], separator: str
) -> tuple[list[str], tuple[Span, ...], str | None]:
    """The items bare, the spans of the brackets, and an item whose bracket has no partner."""
    bare: list[str] = []
    groups: list[Span] = []
    opened: list[tuple[int, str]] = []
    for position, whole in enumerate(items):
        item = whole
        while item[0] == "[" and len(item) > 1 and not item.startswith("[" + separator):
            opened.append((position, whole))
            item = item[1:]
        kinds = []
        while match := _closing(separator).fullmatch(item):
            item = match[1]
            kinds.append(match[2])
        for kind in reversed(kinds):
            if not opened:
                return items, _NO_GROUPS, whole
            start, _ = opened.pop()
            groups.append(Span(start, position + 1, intern(kind)))
        bare.append(item)
    return bare, tuple(groups), opened[0][1] if opened else None


@cache
def _closing(separator: str) -> re.Pattern[str]:
    """`电台/n]nt` and `电台/n]/nt`."""
    mark = re.escape(separator)
    return re.compile(rf"(.*{mark}[^\s\]]+(?:\].*)?)\](?:{mark})?([^\s\][{mark}]+)")
