"""A voice as a chain of notes, chords and rests, cut at the bar lines: what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from mnemonist.data.music.score import Note, Score, Voice
from mnemonist.errors import DataError

__all__ = ["Segment", "chained", "segments"]


@dataclass(frozen=True)
class Segment:
    """One link of the chain; a rest has no pitches.

    `continues` the notes before it, `goes_on` in the next: a note that a bar line cuts.
    """

    start: Fraction
    duration: Fraction
    pitches: tuple[int, ...] = ()
    continues: bool = False
    goes_on: bool = False


def segments(score: Score, voice: Voice) -> Iterator[Segment]:
    """The links of one voice without a gap from 0 to the end of the score.

    Raises:
        DataError: notes overlap that do not start and end together; see `chained`.

    >>> score = Score((Voice((Note(Fraction(1), 60, Fraction(2)),)),), bars=(Fraction(2),))
    >>> [(str(s.start), str(s.duration), s.pitches, s.continues) for s in segments(score, score.voices[0])]
    [('0', '1', (), False), ('1', '1', (60,), False), ('2', '1', (60,), True)]
    """
    now = Fraction(0)
    bars = iter([*score.bars, None])
    bar = next(bars)
    spans: list[tuple[Fraction, Fraction, tuple[int, ...]]] = []
    for start, group in groupby(voice.notes, key=lambda note: note.start):
        chord = tuple(group)
        if start < now or any(note.duration != chord[0].duration for note in chord):
            raise DataError(
                f"voice {voice.name!r}: notes overlap at quarter {start}. Split the score into "
                "voices without overlap first: chained(score)."
            )
        if start > now:
            spans.append((now, start, ()))
        now = start + chord[0].duration
        spans.append((start, now, tuple(note.pitch for note in chord)))
    if now < score.length:
        spans.append((now, score.length, ()))
    for start, end, pitches in spans:
        at = start
        while at < end:
            while bar is not None and bar <= at:
                bar = next(bars)
            cut = end if bar is None else min(end, bar)
            yield Segment(at, cut - at, pitches, bool(pitches) and at > start, cut < end)
            at = cut


def chained(score: Score) -> Score:
    """The score with each voice split where its notes overlap, as a pianist's hands do.

    A chord stays together where its notes start and end together; every other note goes to the
    first voice that is silent, from the highest pitch on.

    >>> held = Voice((Note(Fraction(0), 48, Fraction(2)), Note(Fraction(0), 60, Fraction(1))))
    >>> [len(voice.notes) for voice in chained(Score((held,))).voices]
    [1, 1]
    """
    voices: list[Voice] = []
    for voice in score.voices:
        layers: list[list[Note]] = []
        ordered = sorted(voice.notes, key=lambda note: (note.start, -note.pitch))
        for note in ordered:
            for layer in layers:
                last = layer[-1]
                chord = (last.start, last.duration) == (note.start, note.duration)
                if last.end <= note.start or (chord and last.pitch != note.pitch):
                    layer.append(note)
                    break
            else:
                layers.append([note])
        voices += [replace(voice, notes=tuple(sorted(layer))) for layer in layers or [[]]]
    return replace(score, voices=tuple(voices))
