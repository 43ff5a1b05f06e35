"""The information fields of ABC that bear on sound: K, M, L, Q, V."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from mnemonist.data.music.abc.errors import AbcError
from mnemonist.data.music.key import Key
from mnemonist.data.music.score import Metre
from mnemonist.errors import DataError

__all__ = ["KNOWN_FIELDS", "KeyField", "default_unit", "key_of", "metre_of", "tempo_of", "unit_of"]

KNOWN_FIELDS = frozenset("ABCDFGHIKLMNOPQRSTUVWXZmrsw+")

_KEY = re.compile(r"([A-G][#b]?\s*(?!(?:exp|clef|bass|treble|alto|tenor|none|perc)\b)[A-Za-z]*)")
_ACCIDENTAL = re.compile(r"(\^{1,2}|_{1,2}|=)([A-Ga-g])(?![\w'])")
_OCTAVE = re.compile(r"\boctave\s*=\s*([+-]?\d)\b")
_TRANSPOSE = re.compile(r"\btranspose\s*=\s*([+-]?\d{1,2})\b")
_CLEF_OCTAVE = re.compile(r"([+-])8(?:va)?\b")
_METRE = re.compile(r"\(?(\d{1,2}(?:\s*\+\s*\d{1,2})*)\)?\s*/\s*(\d{1,3})")
_FRACTION = re.compile(r"(\d{1,4})(?:\s*/\s*(\d{1,4}))?")
_TEMPO = re.compile(r"(\d{1,3}/\d{1,3}(?:\s+\d{1,3}/\d{1,3}){0,3})\s*=\s*(\d{1,4}(?:\.\d{1,4})?)")
_OLD_TEMPO = re.compile(r"(?:C\s*(\d*)\s*=\s*)?(\d{1,4}(?:\.\d{1,4})?)")

SHARPNESS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
"""Semitones of an accidental."""


@dataclass(frozen=True)
class KeyField:
    """What a K: field says: the key, accidentals beyond it, and how far it sounds from its pitch."""

    key: Key
    accidentals: dict[str, int] = field(default_factory=dict)
    shift: int = 0


def key_of(text: str) -> KeyField:
    """The key of `D`, `Am`, `EDor`, `D exp _b`, `none`, `HP`, `G treble-8`, `A octave=-1`.

    >>> key_of("D exp _b").accidentals, key_of("G treble-8").shift
    ({'B': -1}, -12)
    """
    text = text.strip()
    shift = shift_of(text)
    if re.match(r"H[Pp]\b", text):
        key, rest = Key(2, "mixolydian"), ""
    elif match := _KEY.match(text):
        try:
            key, rest = Key.named(match[0]), text[match.end() :]
        except DataError as error:
            raise AbcError("abc-key", str(error).rstrip(".")) from error
    elif not text or re.match(r"none\b|\w+=|[_^=]|treble|bass|alto|tenor|perc", text):
        key, rest = Key(), text
    else:
        raise AbcError("abc-key", f"key {text!r}: expected a letter A-G, # or b, and a mode")
    signature = {} if re.search(r"\bexp\b", rest) else key.accidentals()
    for sign, letter in _ACCIDENTAL.findall(rest):
        signature[letter.upper()] = SHARPNESS[sign]
    return KeyField(key, signature, shift)


def shift_of(text: str) -> int:
    """Semitones that `octave=`, `transpose=` and a clef such as `treble-8` ask for.

    >>> shift_of("clef=treble-8"), shift_of("octave=1 transpose=-2")
    (-12, 10)
    """
    octaves = sum(int(number) for number in _OCTAVE.findall(text))
    octaves += sum(int(f"{sign}1") for sign in _CLEF_OCTAVE.findall(text))
    return 12 * octaves + sum(int(number) for number in _TRANSPOSE.findall(text))


def metre_of(text: str) -> Metre | None:
    """The metre of `6/8`, `C`, `C|`, `(2+3)/8`; None for free time.

    >>> metre_of("C|"), metre_of("2+3/8"), metre_of("none")
    ((2, 2), (5, 8), None)
    """
    text = text.strip()
    if text.lower() in ("", "none", "free"):
        return None
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    match = _METRE.fullmatch(text)
    if match is not None:
        beats, unit = sum(map(int, match[1].split("+"))), int(match[2])
        if beats and unit and unit & (unit - 1) == 0:
            return beats, unit
    raise AbcError("abc-metre", f"metre {text!r}: expected such as 6/8, C, C| or none")


def unit_of(text: str) -> Fraction:
    """The unit note length `1/8` in quarter notes."""
    match = _FRACTION.fullmatch(text.strip())
    if match is None or not int(match[1]) or (match[2] and not int(match[2])):
        raise AbcError("abc-length", f"unit note length {text.strip()!r}: expected such as 1/8")
    return 4 * Fraction(int(match[1]), int(match[2] or 1))


def default_unit(metre: Metre | None) -> Fraction:
    """A sixteenth where a bar is shorter than three quarters of a whole note, else an eighth."""
    short = metre is not None and Fraction(*metre) < Fraction(3, 4)
    return Fraction(1, 4) if short else Fraction(1, 2)


def tempo_of(text: str, unit: Fraction) -> float | None:
    """Quarter notes in a minute of `1/4=120`, `3/8 = 80 "lively"`, `120` (unit notes); else None.

    >>> tempo_of("3/8=80", Fraction(1, 2)), tempo_of('"Allegro"', Fraction(1, 2))
    (120.0, None)
    """
    text = re.sub(r'"[^"]*"', "", text).strip()
    if match := _TEMPO.fullmatch(text):
        beats = [part.split("/") for part in match[1].split()]
        if any(int(below) == 0 for _, below in beats):
            raise AbcError("abc-tempo", f"tempo {text!r}: expected such as 1/4=120")
        beat = 4 * sum(Fraction(int(above), int(below)) for above, below in beats)
        rate = float(match[2])
    elif match := _OLD_TEMPO.fullmatch(text):
        beat, rate = unit * int(match[1] or 1), float(match[2])
    else:
        return None
    return float(beat) * rate or None
