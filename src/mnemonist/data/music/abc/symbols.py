"""The symbols of a line of ABC music, each with its column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from mnemonist.data.music.abc.errors import AbcError

__all__ = ["Symbol", "length_of", "symbols"]

_LENGTH = r"\d{0,4}(?:/\d{1,4}|/{0,8})"
_NOTE = rf"""(?P<sharp>\^{{1,2}}|_{{1,2}}|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']{{0,8}})
    (?P<length>{_LENGTH})"""
_SILENT = r"""[ \t`\\$*;?@\#]+|"[^"]*"|![^!\s|\[\]]{1,40}!|\+[a-z0-9().<>-]{1,20}\+|!|y\d{0,4}
    |[.~H-Wh-w]"""
_KINDS = {
    "tie": r"\.?-",
    "silent": rf"{_SILENT}|\{{[^{{}}]*\}}",
    "field": r"\[(?P<name>[A-Za-z]):(?P<text>[^\]]*)\]",
    "ending": r"\[\s?(?P<passes>\d{1,2}(?:[,-]\d{1,2})*)",
    "bar": r"""(?P<sign>\[\|\]|\[?\|+\]?:*|:+\|*\]?:*)
        (?:\s?(?P<turns>\d{1,2}(?:[,-]\d{1,2})*))?""",
    "tuplet": r"\((?P<p>\d)(?::(?P<q>\d{0,2})(?::(?P<r>\d{0,2}))?)?",
    "slur": r"[()]",
    "chord": rf"\[(?P<inside>[^\[\]|:]*)\](?P<outer>{_LENGTH})",
    "rest": rf"[zx](?P<silence>{_LENGTH})",
    "bars": r"[ZX](?P<count>\d{0,3})",
    "broken": r">{1,3}|<{1,3}",
    "note": _NOTE,
}
_MUSIC = re.compile("|".join(f"(?P<{kind}>{text})" for kind, text in _KINDS.items()), re.VERBOSE)
_CHORD = re.compile(rf"(?P<note>{_NOTE})(?P<tied>\.?-)?|(?P<silent>[()]|{_SILENT})", re.VERBOSE)
_WHY = {
    "&": "voice overlays (&) are not read; write the second part as a voice of its own (V:)",
    "]": "] closes no chord",
    "[": "[ opens a chord, field or ending that does not close on its line",
    "{": "{ opens grace notes that do not close on their line",
    '"': 'a text in "quotes" does not close on its line',
}


@dataclass(frozen=True)
class Symbol:
    """One symbol; `column` counts from 1."""

    kind: str
    match: re.Match[str]
    line: int
    column: int

    def __getitem__(self, group: str) -> str:
        return self.match[group] or ""


def symbols(text: str, line: int) -> Iterator[Symbol]:
    """The symbols that sound or order what sounds; grace notes, slurs and ornaments are dropped.

    Raises:
        AbcError: a character that is none, with its column.

    >>> [(symbol.kind, symbol.match[0]) for symbol in symbols('|: "Am"{g}A2>^c :|2', 1)]
    [('bar', '|:'), ('note', 'A2'), ('broken', '>'), ('note', '^c'), ('bar', ':|2')]
    """
    return _split(_MUSIC, text, line, 1)


def chord_symbols(symbol: Symbol) -> Iterator[Symbol]:
    """The notes of a chord symbol; group `tied` is set where a tie follows one."""
    return _split(_CHORD, symbol["inside"], symbol.line, symbol.column + 1)


def _split(pattern: re.Pattern[str], text: str, line: int, first: int) -> Iterator[Symbol]:
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            said = _WHY.get(text[at], f"{text[at]!r} is no symbol of ABC music")
            raise AbcError("abc-symbol", said, line, first + at)
        kind = match.lastgroup or ""
        if kind not in ("silent", "slur"):
            yield Symbol(kind, match, line, first + at)
        at = match.end()


def length_of(text: str) -> Fraction:
    """The factor that `3`, `3/2`, `/` (a half) or `//` (a quarter) puts on the unit note.

    Raises:
        AbcError: nothing, or divided by nothing.
    """
    number, slash, rest = text.partition("/")
    above = int(number) if number else 1
    below = 1 if not slash else int(rest) if rest.isdigit() else 2 ** (1 + len(rest))
    if not above or not below:
        raise AbcError("abc-length", f"length {text!r}: a note lasts longer than 0")
    return Fraction(above, below)
