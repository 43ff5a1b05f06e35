"""Normal forms and lower case, with the place in the text that each character came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

__all__ = ["Aligned", "NormalForm", "align", "normal"]

NormalForm = Literal["NFC", "NFKC"]


def normal(text: str, form: NormalForm | None, lowercase: bool) -> str:
    """The text in a Unicode normal form (UAX #15), then in lower case.

    >>> normal("ﬁve Ｋ", "NFKC", lowercase=True)
    'five k'
    """
    if form is not None:
        text = unicodedata.normalize(form, text)
    return text.lower() if lowercase else text


@dataclass(frozen=True)
class Aligned:
    """A changed text and, for each of its characters, the (start, end) it came from.

    `source` is None where every character stayed in its place.
    """

    text: str
    source: list[tuple[int, int]] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters from start to before end stood in the original text."""
        if self.source is None or start == end:
            return start, end
        return self.source[start][0], self.source[end - 1][1]


def align(text: str, form: NormalForm | None, lowercase: bool) -> Aligned:
    """`normal(text, form, lowercase)` with the origin of every character.

    Characters that were composed or taken apart together share one origin.

    >>> align("e\\u0301t\\u00e9", "NFC", lowercase=False).source  # the first é is two characters
    [(0, 2), (2, 3), (3, 4)]
    """
    changed = normal(text, form, lowercase)
    if len(changed) == len(text) and (form is None or unicodedata.is_normalized(form, text)):
        return Aligned(changed)
    source = []
    for start, end in _segments(text, form) if form else _singles(text):
        width = sum(len(normal(c, None, lowercase)) for c in normal(text[start:end], form, False))
        source += [(start, end)] * width
    return Aligned(changed, source)


def _singles(text: str) -> list[tuple[int, int]]:
    return [(at, at + 1) for at in range(len(text))]


def _segments(text: str, form: NormalForm) -> list[tuple[int, int]]:
    """The smallest parts whose normal forms, one after the other, are that of the whole."""
    bounds = [0]
    for at in range(1, len(text)):
        segment, character = text[bounds[-1] : at], text[at]
        first = unicodedata.normalize("NFKD", character)[0]
        alone = unicodedata.normalize(form, segment) + unicodedata.normalize(form, character)
        if not unicodedata.category(first).startswith("M") and alone == unicodedata.normalize(
            form, segment + character
        ):
            bounds.append(at)
    return list(zip(bounds, [*bounds[1:], len(text)], strict=True)) if text else []
