"""A token a line, its tag in a column, a blank line after each sentence (CoNLL)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from sys import intern

from mnemonist.data.tags.faults import Faults
from mnemonist.data.tags.layout import DOCUMENT_START, Layout
from mnemonist.data.tags.model import Sentence

__all__ = ["read_columns"]

_NO_TOKEN = re.compile(r"\d+[-.]\d+")


def read_columns(
    lines: Iterable[tuple[int, str]], layout: Layout, file: str, faults: Faults
) -> Iterator[Sentence]:
    """The sentences of a file of columns; those with faults are left out and told.

    A line whose token is -DOCSTART- begins a document (CoNLL 2003), a comment line
    "# newdoc" too (CoNLL-U). Other comments are skipped.
    """
    block = _Block(layout, file, faults)
    for number, line in lines:
        if not line.strip():
            yield from block.finish()
        elif not block.begun and layout.is_comment(line):
            block.document += line.startswith("# newdoc")
        elif layout.fields(line)[layout.token if layout.conll_u else 0] == DOCUMENT_START:
            yield from block.finish()
            block.document += 1
        else:
            block.add(number, line)
    yield from block.finish()


class _Block:
    """The lines of a sentence as far as they were read."""

    def __init__(self, layout: Layout, file: str, faults: Faults) -> None:
        self.layout, self.file, self.faults = layout, file, faults
        self.document = 0
        self._clear()

    def _clear(self) -> None:
        self.tokens: list[str] = []
        self.tags: list[str] = []
        self.lines: list[int] = []
        self.begun = self.faulty = False

    def add(self, number: int, line: str) -> None:
        self.begun = True
        fields = self.layout.fields(line)
        if self.layout.conll_u and _NO_TOKEN.fullmatch(fields[0]):
            return
        fault = self._fault(fields)
        if fault:
            self.faults.add(fault, self.file, number, line)
            self.faulty = True
            return
        self.tokens.append(intern(fields[self.layout.token]))
        self.tags.append(intern(fields[self.layout.tag]))
        self.lines.append(number)

    def finish(self) -> Iterator[Sentence]:
        if self.tokens and not self.faulty:
            first, last = self.lines[0], self.lines[-1]
            dense = last - first + 1 == len(self.lines)
            yield Sentence(
                tuple(self.tokens),
                tuple(self.tags),
                self.file,
                first,
                range(first, last + 1) if dense else tuple(self.lines),
                str(self.document) if self.document else "",
            )
        self._clear()

    def _fault(self, fields: list[str]) -> str:
        if len(fields) != self.layout.width:
            return "missing-column"
        if not fields[self.layout.token].strip():
            return "empty-token"
        return "" if fields[self.layout.tag].strip() else "missing-tag"
