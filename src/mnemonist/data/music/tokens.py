"""Scores as sequences of tokens for language models, and back.

=============  ==================================================================
`M:6/8`        the metre; absent in free time
`K:Edor`       the key
`V:4`          the number of voices; absent where it is 1
`N60:1/2`      a note: MIDI pitch, duration in quarter notes
`+N64:1/2`     another note of the same chord
`~N60:1`       the same, where the note before a bar line sounds on
`R:1`          a rest
`|`            a bar line
=============  ==================================================================

Voices are interleaved without naming them: the next note, chord or rest belongs to the voice
that has got least far, the first of several. So four notes at the head of a chorale are its
chord, from soprano to bass, and every order of tokens that a model draws can be played.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from heapq import merge

from mnemonist.data.music.key import Key
from mnemonist.data.music.score import MAX_NOTES, Metre, Note, Score, Voice
from mnemonist.data.music.segments import Segment, segments
from mnemonist.errors import DataError

__all__ = ["quantised", "read_tokens", "score_of", "tokens_of"]

_NOTE = re.compile(r"([+]?)(~?)N(\d{1,3}):(\d{1,6})(?:/(\d{1,6}))?")
_REST = re.compile(r"R:(\d{1,6})(?:/(\d{1,6}))?")
_METRE = re.compile(r"M:([1-9]\d{0,2})/(1|2|4|8|16|32|64|128|256|512)")
_VOICES = re.compile(r"V:([1-9]\d?)")


def tokens_of(score: Score) -> list[str]:
    """The tokens of a score; the module tells their meaning.

    `score_of` gives back voices, bars, metre and key exactly; tempo, title and names of voices
    are left out, and silence after the last note where no bar line closes it.

    Raises:
        DataError: notes of one voice overlap other than as chords (`chained` parts them).

    >>> tune = Voice((Note(Fraction(0), 60, Fraction(1, 2)), Note(Fraction(1, 2), 62, Fraction(3, 2))))
    >>> tokens_of(Score((tune,), bars=(Fraction(1), Fraction(2)), metre=(1, 4)))
    ['M:1/4', 'K:C', 'N60:1/2', 'N62:1/2', '|', '~N62:1', '|']
    """
    head = [f"M:{score.metre[0]}/{score.metre[1]}"] if score.metre else []
    head.append(f"K:{score.key}")
    if len(score.voices) > 1:
        head.append(f"V:{len(score.voices)}")
    chains = [
        [(segment.start, place, segment) for segment in segments(score, voice)]
        for place, voice in enumerate(score.voices)
    ]
    body: list[str] = []
    bars = list(reversed(score.bars))
    for start, _, segment in merge(*chains, key=lambda link: link[:2]):
        while bars and bars[-1] <= start:
            bars.pop()
            body.append("|")
        body += _written(segment)
    return head + body + ["|"] * len(bars)


def _written(segment: Segment) -> Iterator[str]:
    if not segment.pitches:
        yield f"R:{segment.duration}"
    tie = "~" if segment.continues else ""
    for place, pitch in enumerate(segment.pitches):
        yield f"{'+' if place else ''}{tie}N{pitch}:{segment.duration}"


@dataclass
class _Line:
    """A voice while tokens are added to it: how far it has got, and its notes."""

    now: Fraction = Fraction(0)
    start: Fraction = Fraction(0)
    notes: list[Note] = field(default_factory=list)

    def add(self, pitch: int, duration: Fraction, *, chord: bool, continues: bool) -> None:
        if not chord:
            self.start = self.now
        if continues:
            for place in range(len(self.notes) - 1, -1, -1):
                before = self.notes[place]
                if before.end == self.start and before.pitch == pitch:
                    self.notes[place] = replace(before, duration=before.duration + duration)
                    break
                if before.end < self.start:
                    continues = False
                    break
            else:
                continues = False
        if not continues:
            self.notes.append(Note(self.start, pitch, duration))
        self.now = max(self.now, self.start + duration)


def score_of(tokens: Sequence[str]) -> Score:
    """The score of tokens, a model's as well as `tokens_of`'s.

    What a model draws need not add up: a bar line where the voices are not together waits for
    the last of them, and a note that continues none is a note of its own.

    Raises:
        DataError: a token that is none of these, with its place; pitches above 127; no duration.

    >>> score = score_of("M:3/4 K:G V:2 N67:1 N55:2 N69:1 R:1 R:1 |".split())
    >>> [[note.pitch for note in voice.notes] for voice in score.voices], score.bars
    ([[67, 69], [55]], (Fraction(3, 1),))
    """
    return read_tokens(tokens)[0]


def read_tokens(tokens: Sequence[str]) -> tuple[Score, frozenset[Fraction]]:
    """The score, and the times of the bar lines at which its voices were not together.

    Raises:
        DataError: as `score_of`.

    >>> read_tokens("V:2 N67:1 N55:2 | N69:1 N60:1 |".split())[1]
    frozenset({Fraction(2, 1)})
    """
    reader = _Reader()
    for place, token in enumerate(tokens, start=1):
        reader.take(token, place)
    voices = tuple(Voice(tuple(sorted(line.notes))) for line in reader.lines)
    score = Score(voices, tuple(reader.bars), reader.metre, reader.key)
    return score, frozenset(reader.uneven)


@dataclass
class _Reader:
    """A score while its tokens are read."""

    metre: Metre | None = None
    key: Key = field(default_factory=Key)
    lines: list[_Line] = field(default_factory=lambda: [_Line()])
    bars: list[Fraction] = field(default_factory=list)
    uneven: set[Fraction] = field(default_factory=set)
    last: _Line | None = None

    def take(self, token: str, place: int) -> None:
        """Read one token, the `place`-th."""
        if token == "|":
            self._bar()
        elif match := _NOTE.fullmatch(token):
            self._note(match, token, place)
        elif match := _REST.fullmatch(token):
            last = self.last = min(self.lines, key=lambda line: line.now)
            last.start = last.now = last.now + _duration(token, place, match[1], match[2])
        elif match := _METRE.fullmatch(token):
            self.metre = self.metre or (int(match[1]), int(match[2]))
        elif token.startswith("K:"):
            self.key = Key.named(token[2:])
        elif match := _VOICES.fullmatch(token):
            now = self.lines[0].now
            self.lines += [_Line(now, now) for _ in range(int(match[1]) - len(self.lines))]
        else:
            raise DataError(
                f"token {place}, {token!r}, is none of music: expected such as N60:1/2, R:1, |, "
                "M:6/8, K:G or V:4."
            )

    def _bar(self) -> None:
        now = max(line.now for line in self.lines)
        if any(line.now < now for line in self.lines):
            self.uneven.add(now)
        for line in self.lines:
            line.now = now
        if now > (self.bars[-1] if self.bars else 0):
            self.bars.append(now)

    def _note(self, match: re.Match[str], token: str, place: int) -> None:
        chord = bool(match[1]) and self.last is not None and self.last.now > self.last.start
        if self.last is None or not chord:
            self.last = min(self.lines, key=lambda line: line.now)
        duration = _duration(token, place, match[4], match[5])
        if int(match[3]) > 127 or place > 4 * MAX_NOTES:
            raise DataError(
                f"token {place}, {token!r}: at most {4 * MAX_NOTES:,} tokens, pitch 127."
            )
        self.last.add(int(match[3]), duration, chord=chord, continues=bool(match[2]))


def _duration(token: str, place: int, above: str, below: str | None) -> Fraction:
    if not int(above) or (below is not None and not int(below)):
        raise DataError(f"token {place}, {token!r}: a duration is more than 0.")
    return Fraction(int(above), int(below or 1))


def quantised(score: Score, step: Fraction = Fraction(1, 12)) -> Score:
    """The score with starts, ends and bar lines on multiples of `step` quarters.

    A twelfth holds sixteenths and the triplets of eighths. A note that would vanish lasts one step.

    >>> late = Voice((Note(Fraction(101, 100), 60, Fraction(49, 100)),))
    >>> quantised(Score((late,)), Fraction(1, 4)).voices[0].notes
    (Note(start=Fraction(1, 1), pitch=60, duration=Fraction(1, 2)),)
    """
    if step <= 0:
        raise DataError(f"step={step}: a grid has a step of more than 0 quarters.")

    def snapped(time: Fraction) -> Fraction:
        return round(time / step) * step

    def on_grid(note: Note) -> Note:
        start = snapped(note.start)
        return Note(start, note.pitch, max(step, snapped(note.end) - start))

    voices = tuple(
        replace(voice, notes=tuple(sorted(set(map(on_grid, voice.notes)))))
        for voice in score.voices
    )
    bars = sorted({snapped(bar) for bar in score.bars} - {Fraction(0)})
    return replace(score, voices=voices, bars=tuple(bars))
