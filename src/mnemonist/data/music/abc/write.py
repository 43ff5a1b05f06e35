"""Scores as ABC notation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mnemonist.data.music.abc.fields import SHARPNESS
from mnemonist.data.music.abc.voice import SEMITONES
from mnemonist.data.music.key import Key
from mnemonist.data.music.score import Score, Voice
from mnemonist.data.music.segments import Segment, segments
from mnemonist.errors import DataError

__all__ = ["abc_of", "write_abc"]

_UNIT = Fraction(1, 2)
_BARS_IN_A_LINE = 4
_SIGNS = {sharpness: sign for sign, sharpness in SHARPNESS.items()}
_LONGEST = 9999


def abc_of(score: Score, number: int = 1) -> str:
    """The score as a tune in ABC notation (2.1), in unit notes of an eighth.

    Tuplets are written by their fractions (`C2/3`), notes across a bar line as tied ones.
    `parse_abc` gives the same score back where a bar line closes it.

    Raises:
        DataError: notes of one voice overlap (see `chained`), or times too fine to be written
            (see `quantised`).

    >>> from mnemonist.data.music import score_of
    >>> print(abc_of(score_of("M:2/4 K:D N62:1 N66:1/2 N65:1/2 | N64:3 |".split())))
    X:1
    M:2/4
    L:1/8
    K:D
    D2 F=F | E6 |
    <BLANKLINE>
    """
    title = " ".join(score.title.replace("%", "\\%").split())
    head = [f"X:{number}"] + ([f"T:{title}"] if title else [])
    head.append(f"M:{score.metre[0]}/{score.metre[1]}" if score.metre else "M:none")
    head.append("L:1/8")
    if score.tempo:
        head.append(f"Q:1/4={score.tempo:.4f}".rstrip("0").rstrip("."))
    head.append(f"K:{score.key}")
    body: list[str] = []
    for place, voice in enumerate(score.voices, start=1):
        if len(score.voices) > 1:
            name = voice.name.replace('"', "'")
            body.append(f'V:{place} name="{name}"' if name else f"V:{place}")
        body += _lines(score, voice)
    return "\n".join([*head, *body, ""])


def write_abc(scores: Iterable[Score], path: str | Path) -> None:
    """Write tunes to a file (UTF-8), numbered from 1."""
    tunes = (abc_of(score, number) for number, score in enumerate(scores, start=1))
    Path(path).write_text("\n".join(tunes), encoding="utf-8")


def _lines(score: Score, voice: Voice) -> Iterator[str]:
    speller = _Speller(score.key)
    bars = deque(score.bars)
    beat = _beat(score)
    bar: list[str] = []
    line: list[str] = []
    beamed = False
    for segment in segments(score, voice):
        # counted from the end of the bar, as a pick-up leads to the next one
        end = bars[0] if bars else score.length
        inside = beat is not None and (end - segment.start) % beat > 0
        before, beamed = beamed, bool(segment.pitches) and segment.duration < 1
        joined = inside and before and beamed
        bar.append(f"{'' if joined or not bar else ' '}{speller.text(segment)}")
        if bars and segment.start + segment.duration == end:
            bars.popleft()
            line.append("".join(bar) + " |")
            bar = []
            speller.forget()
        if len(line) == _BARS_IN_A_LINE:
            yield " ".join(line)
            line = []
    if bar or line:
        yield " ".join([*line, "".join(bar)] if bar else line)


def _beat(score: Score) -> Fraction | None:
    """The quarters that are written under one beam: three eighths of 6/8, one quarter of 3/4."""
    if score.metre is None:
        return None
    above, below = score.metre
    compound = above % 3 == 0 and below >= 8
    return Fraction(12, below) if compound else max(Fraction(1), Fraction(4, below))


@dataclass
class _Speller:
    """How pitches are spelt in a key, and which accidentals hold until the bar line.

    Readers disagree whether an accidental holds in all octaves. A sign is written wherever one of
    the two would need it.
    """

    key: Key
    _held: dict[tuple[str, int | None], int] = field(default_factory=dict)

    def forget(self) -> None:
        """At a bar line no accidental holds."""
        self._held = {}

    def text(self, segment: Segment) -> str:
        """A note, a chord in brackets or a rest, with its length."""
        names = [self._name(pitch) for pitch in segment.pitches] or ["z"]
        written = f"[{''.join(names)}]" if len(names) > 1 else names[0]
        tie = "-" if segment.goes_on and segment.pitches else ""
        return written + _length(segment.duration / _UNIT) + tie

    def _name(self, pitch: int) -> str:
        letter, sharpness = self._spelling(pitch)
        octave = (pitch - 60 - SEMITONES[letter] - sharpness) // 12
        usual = self.key.accidentals().get(letter, 0)
        sign = ""
        if any(
            self._held.get(place, usual) != sharpness
            for place in ((letter, None), (letter, octave))
        ):
            sign = _SIGNS[sharpness]
            self._held[letter, None] = self._held[letter, octave] = sharpness
        if octave > 0:
            return sign + letter.lower() + "'" * (octave - 1)
        return sign + letter + "," * -octave

    def _spelling(self, pitch: int) -> tuple[str, int]:
        signature = self.key.accidentals()
        best = 1 if self.key.fifths >= 0 else -1
        options = [(letter, signature.get(letter, 0)) for letter in SEMITONES]
        options += [(letter, sharpness) for sharpness in (0, best) for letter in SEMITONES]
        return next(
            (letter, sharpness)
            for letter, sharpness in options
            if (SEMITONES[letter] + sharpness - pitch) % 12 == 0
        )


def _length(factor: Fraction) -> str:
    above, below = factor.numerator, factor.denominator
    if max(above, below) > _LONGEST:
        raise DataError(
            f"a note of {factor} eighths cannot be written; use quantised(score) first."
        )
    return (str(above) if above > 1 else "") + (f"/{below}" if below > 1 else "")
