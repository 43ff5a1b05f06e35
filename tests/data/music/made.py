"""Scores drawn by hypothesis: voices of notes, chords and rests that end together at a bar line."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from mnemonist.data.music import Key, Note, Score, Voice

LENGTHS = [Fraction(*pair) for pair in ((1, 4), (1, 3), (1, 2), (2, 3), (1, 1), (3, 2), (7, 2))]
MODES = ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"]


@st.composite
def voices(draw: st.DrawFn) -> Voice:
    now, notes = Fraction(0), []
    for _ in range(draw(st.integers(1, 12))):
        length = draw(st.sampled_from(LENGTHS))
        pitches = draw(st.sets(st.integers(24, 100), max_size=3))
        notes += [Note(now, pitch, length) for pitch in sorted(pitches)]
        now += length
    return Voice(tuple(notes) or (Note(now, 60, Fraction(1)),))


@st.composite
def scores(draw: st.DrawFn, modes: tuple[str, ...] = tuple(MODES)) -> Score:
    metre = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2), (5, 8)]))
    sung = tuple(draw(st.lists(voices(), min_size=1, max_size=4)))
    pickup = draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(4 * metre[0], metre[1])]))
    end = max(note.end for voice in sung for note in voice.notes)
    bars = [pickup]
    while bars[-1] < end:
        bars.append(bars[-1] + Fraction(4 * metre[0], metre[1]))
    key = Key(draw(st.integers(-7, 7)), draw(st.sampled_from(modes)))
    return Score(sung, tuple(bars), metre, key)
