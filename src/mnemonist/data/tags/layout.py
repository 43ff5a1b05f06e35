"""Which layout a file of tags has: named, or told by its first lines and said aloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mnemonist.data.tags.config import Format, TagsConfig
from mnemonist.errors import ConfigError, DataError

__all__ = ["DOCUMENT_START", "Layout", "find_layout"]

_SHARE = 0.9
_CONLL_U = 10
DOCUMENT_START = "-DOCSTART-"


@dataclass(frozen=True)
class Layout:
    """What a reader needs to know.

    Args:
        format: see `TagsConfig`.
        separator: of columns (None: any white space), or between word and tag.
        width: the number of columns.
        token, tag: their columns.
        conll_u: whether lines of words that are not tokens (ids 1-2 and 1.1) occur.
        note: what was decided, for people.
    """

    format: Format
    separator: str | None = None
    width: int = 0
    token: int = 0
    tag: int = -1
    conll_u: bool = False
    note: str = ""

    def fields(self, line: str) -> list[str]:
        """The columns of a line."""
        return line.rstrip("\r").split(self.separator) if self.separator else line.split()

    def is_comment(self, line: str) -> bool:
        """Whether a line at the start of a sentence is a comment: # and not so many columns."""
        return line.startswith("#") and len(self.fields(line)) != self.width


def find_layout(lines: Sequence[str], config: TagsConfig, name: str) -> Layout:
    """The layout as configured, or as the first lines of a file show it.

    Raises:
        DataError: the lines have none of the known layouts, or not the configured one.
        ConfigError: a column that is not there.

    >>> find_layout(["Peter\\tNNP\\tB-PER", "ran\\tVBD\\tO"], TagsConfig(), "x").note
    'format: 3 columns by tabs; tokens in column 1, tags in column 3'
    >>> find_layout(["我/r 吃/v 苹果/n"], TagsConfig(), "x").note
    'format: word/TAG, a sentence a line'
    """
    shown = [line for line in lines if line.strip()]
    if not shown:
        raise DataError(f"{name} has no text in its first {len(lines)} lines.")
    for format, find in (("jsonl", _jsonl), ("slashed", _slashed), ("columns", _columns)):
        if config.file_format in (None, format):
            layout = find(shown, config)
            if layout is not None:
                return layout
    wanted = {"jsonl": "JSON objects", "slashed": "word/TAG pairs", "columns": "columns"}
    what = (
        wanted[config.file_format]
        if config.file_format
        else "columns, word/TAG pairs or JSON objects"
    )
    raise DataError(
        f"{name}: the lines are not {what}; the first is {shown[0][:80]!r}. Name the format and "
        "the separator (file_format='columns', 'slashed' or 'jsonl')."
    )


def _jsonl(lines: Sequence[str], config: TagsConfig) -> Layout | None:
    if config.file_format is None and not re.match(r'\s*\{\s*"', lines[0]):
        return None
    return Layout("jsonl", note="format: a JSON object a line")


def _slashed(lines: Sequence[str], config: TagsConfig) -> Layout | None:
    items = [item for line in lines for item in line.split()]
    for separator in [config.separator] if config.separator else ["/", "_"]:
        pairs = [item.rpartition(separator) for item in items]
        tagged = sum(bool(word and tag) for word, _, tag in pairs)
        named = config.file_format == "slashed" and config.separator
        if named or tagged >= _SHARE * len(items):
            note = f"format: word{separator}TAG, a sentence a line"
            return Layout("slashed", separator, note=note)
    return None


def _columns(lines: Sequence[str], config: TagsConfig) -> Layout | None:
    lines = [line for line in lines if not line.startswith(("# ", DOCUMENT_START))] or lines
    separator = config.separator
    if separator is None and sum("\t" in line for line in lines) >= _SHARE * len(lines):
        separator = "\t"
    fields = [Layout("columns", separator).fields(line) for line in lines]
    width, count = Counter(map(len, fields)).most_common(1)[0]
    if width < 2 or (config.file_format is None and count < _SHARE * len(lines)):
        return None
    numbered = sum(bool(re.fullmatch(r"\d+([-.]\d+)?", one[0])) for one in fields)
    conll_u = width == _CONLL_U and numbered >= _SHARE * len(fields)
    token = 1 if conll_u else 0
    tag = 3 if conll_u else width - 1
    token = token if config.token_column is None else _column(config.token_column, width)
    tag = tag if config.tag_column is None else _column(config.tag_column, width)
    by = {None: "white space", "\t": "tabs"}.get(separator, repr(separator))
    note = (
        f"format: {'CoNLL-U' if conll_u else f'{width} columns'} by {by}; tokens in column "
        f"{token + 1}, tags in column {tag + 1}"
    )
    return Layout("columns", separator, width, token, tag, conll_u, note)


def _column(given: int, width: int) -> int:
    column = given + width if given < 0 else given
    if not 0 <= column < width:
        raise ConfigError(f"column {given} of {width}: 0 to {width - 1}, or -{width} to -1.")
    return column
