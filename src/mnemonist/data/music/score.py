"""A score: voices of notes whose times are exact fractions of a quarter note."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from mnemonist.data.music.key import Key
from mnemonist.errors import DataError

__all__ = ["MAX_NOTES", "Metre", "Note", "Score", "Voice", "note_name"]

MAX_NOTES = 200_000
"""The notes of one score that a reader takes before it refuses the file."""

Metre = tuple[int, int]

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def note_name(pitch: int) -> str:
    """The name of a MIDI pitch, with the octave in scientific notation.

    >>> note_name(60), note_name(69), note_name(54)
    ('C4', 'A4', 'F#3')
    """
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


@dataclass(frozen=True, order=True)
class Note:
    """One sounding note.

    Args:
        start: in quarter notes from the beginning of the score.
        pitch: of MIDI, 60 is middle C.
        duration: in quarter notes.
    """

    start: Fraction
    pitch: int
    duration: Fraction

    @property
    def end(self) -> Fraction:
        """When it has faded."""
        return self.start + self.duration


@dataclass(frozen=True)
class Voice:
    """The notes of one singer, hand or instrument, by start and then by pitch.

    Rests are where no note sounds.
    """

    notes: tuple[Note, ...]
    name: str = ""


@dataclass(frozen=True)
class Score:
    """Music as written, repeats played out.

    Args:
        voices: one or several, the highest first where the source says so.
        bars: the times of the bar lines in quarter notes, ascending; the beginning is none,
            the last closes the piece. Bars may differ in length (pick-ups, other metres).
        metre: (6, 8) for six eighths: that of the beginning; None for free time.
        key: the signature and mode of the beginning.
        tempo: quarter notes in a minute, None where the source is silent.
        title: the first one.

    Raises:
        DataError: a pitch outside 0-127, a duration that is not positive, a start before 0,
            bar lines that do not ascend.

    >>> tune = Score((Voice((Note(Fraction(0), 60, Fraction(1, 2)),)),), metre=(3, 4))
    >>> tune.length, tune.bar_length
    (Fraction(1, 2), Fraction(3, 1))
    """

    voices: tuple[Voice, ...]
    bars: tuple[Fraction, ...] = ()
    metre: Metre | None = None
    key: Key = field(default_factory=Key)
    tempo: float | None = None
    title: str = ""

    def __post_init__(self) -> None:
        for voice in self.voices:
            for note in voice.notes:
                if not (0 <= note.pitch <= 127 and note.duration > 0 and note.start >= 0):
                    raise DataError(
                        f"pitch {note.pitch}, start {note.start}, duration {note.duration}: a note "
                        "has a pitch from 0 to 127, starts at 0 or later, and lasts."
                    )
        times = (Fraction(0), *self.bars)
        if any(late <= early for early, late in pairwise(times)):
            raise DataError("the times of the bar lines must be greater than 0 and ascend.")

    @property
    def length(self) -> Fraction:
        """From the beginning to the end of the last note or the last bar line, in quarters."""
        ends = [note.end for voice in self.voices for note in voice.notes]
        return max([*ends, *self.bars[-1:]], default=Fraction(0))

    @property
    def bar_length(self) -> Fraction | None:
        """A full bar of the metre in quarter notes."""
        return None if self.metre is None else Fraction(4 * self.metre[0], self.metre[1])

    @property
    def note_count(self) -> int:
        """The notes of all voices."""
        return sum(len(voice.notes) for voice in self.voices)

    def with_pitches(self, shift: int, key: Key) -> Score:
        """All notes `shift` semitones higher, in another key."""
        voices = tuple(
            replace(
                voice,
                notes=tuple(replace(note, pitch=note.pitch + shift) for note in voice.notes),
            )
            for voice in self.voices
        )
        return replace(self, voices=voices, key=key)
