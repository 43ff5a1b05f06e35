"""Key signatures and the church modes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mnemonist.errors import DataError

__all__ = ["Key"]

# How many fifths the signature of a mode lies above that of the major key on the same tonic.
_MODES = {
    "major": 0,
    "minor": -3,
    "ionian": 0,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "aeolian": -3,
    "locrian": -5,
}
_SHORT = {
    "major": "",
    "minor": "m",
    "dorian": "dor",
    "phrygian": "phr",
    "lydian": "lyd",
    "mixolydian": "mix",
    "locrian": "loc",
}
_SAME = {"ionian": "major", "aeolian": "minor"}
_FIFTHS = "FCGDAEB"
_TONIC = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")


@dataclass(frozen=True)
class Key:
    """A key signature and the mode that is read into it.

    Args:
        fifths: sharps of the signature, flats where negative; -7 to 7.
        mode: major, minor, dorian, phrygian, lydian, mixolydian or locrian.

    Raises:
        DataError: no such mode, or more than seven sharps or flats.

    >>> Key.named("E dorian"), str(Key(-3, "minor")), Key(-3, "minor").tonic
    (Key(fifths=2, mode='dorian'), 'Cm', 0)
    """

    fifths: int = 0
    mode: str = "major"

    def __post_init__(self) -> None:
        if self.mode not in _SHORT:
            raise DataError(f"mode {self.mode!r}: expected one of {', '.join(_SHORT)}.")
        if not -7 <= self.fifths <= 7:
            raise DataError(f"{self.fifths} fifths: a signature has at most 7 sharps or 7 flats.")

    @classmethod
    def named(cls, text: str) -> Key:
        """The key of a name as ABC writes it: `G`, `F#m`, `Bb mixolydian`, `EDor`.

        The first three letters of the mode count, in any case; a lone `m` is minor.

        Raises:
            DataError: no such tonic or mode, or a signature of more than seven.
        """
        match = _TONIC.fullmatch(text.strip())
        if match is None:
            raise DataError(f"key {text!r}: expected a letter A-G, # or b, and a mode.")
        letter, accidental, word = match.groups()
        mode = _mode(word)
        major = _FIFTHS.index(letter) - 1 + {"#": 7, "b": -7, "": 0}[accidental]
        return cls(major + _MODES[mode], mode)

    @property
    def tonic(self) -> int:
        """The pitch class of the first degree, C = 0."""
        return (self.fifths - _MODES[self.mode]) * 7 % 12

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The seven pitch classes of the signature, C = 0.

        >>> sorted(Key(1).pitch_classes)
        [0, 2, 4, 6, 7, 9, 11]
        """
        return frozenset(7 * (self.fifths + place) % 12 for place in range(-1, 6))

    def accidentals(self) -> dict[str, int]:
        """The letters that the signature raises (1) or lowers (-1).

        >>> Key(2).accidentals(), Key(-1).accidentals()
        ({'F': 1, 'C': 1}, {'B': -1})
        """
        if self.fifths >= 0:
            return dict.fromkeys(_FIFTHS[: self.fifths], 1)
        return dict.fromkeys(_FIFTHS[self.fifths :], -1)

    def transposed(self, semitones: int) -> Key:
        """The key so much higher, written with the fewest accidentals (six: sharps).

        >>> str(Key(0).transposed(2)), str(Key(0).transposed(-2)), str(Key(0).transposed(6))
        ('D', 'Bb', 'F#')
        """
        if semitones % 12 == 0:
            return self
        fifths = (self.fifths + 7 * semitones) % 12
        return Key(fifths if fifths <= 6 else fifths - 12, self.mode)

    def __str__(self) -> str:
        place = self.fifths - _MODES[self.mode] + 1
        sharps, letter = divmod(place, 7)
        return _FIFTHS[letter] + ("#" * sharps if sharps > 0 else "b" * -sharps) + _SHORT[self.mode]


def _mode(word: str) -> str:
    if word == "m":
        return "minor"
    start = word.lower()[:3]
    found = [mode for mode in _MODES if mode.startswith(start)] if len(start) == 3 else []
    if word in ("", "M"):
        found = ["major"]
    if not found:
        raise DataError(f"mode {word!r}: expected one of {', '.join(_SHORT)}.")
    return _SAME.get(found[0], found[0])
