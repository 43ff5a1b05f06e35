"""Bars as written, and the order in which they are played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby

from mnemonist.data.music.abc.errors import AbcError
from mnemonist.data.music.score import MAX_NOTES, Note

__all__ = ["Bar", "Event", "Tone", "joined", "notes_of", "once", "played"]


@dataclass(frozen=True)
class Tone:
    """One pitch of an event; `tied` to the next event's same pitch."""

    pitch: int
    duration: Fraction
    tied: bool = False


@dataclass
class Event:
    """What one voice does next: a note, a chord, or, without tones, a rest."""

    duration: Fraction
    tones: tuple[Tone, ...] = ()


@dataclass
class Bar:
    """Between two bar lines of one voice.

    Args:
        line: where it begins in the file.
        full: what the metre asks for in quarter notes, None in free time.
        opens: a repeated part begins here (`|:`).
        closes: how often to go back from its end (`:|` is 1).
        section: a double bar or repeat sign stands at its end.
        endings: of a variant ending, the passes that it is for; empty elsewhere.
    """

    line: int
    full: Fraction | None
    events: list[Event] = field(default_factory=list)
    opens: bool = False
    closes: int = 0
    section: bool = False
    endings: frozenset[int] = frozenset()

    @property
    def length(self) -> Fraction:
        """The sum of its events."""
        return sum((event.duration for event in self.events), Fraction(0))


def played(bars: list[Bar]) -> Iterator[Bar]:
    """The bars in the order of playing, repeats and variant endings followed.

    A repeat sign goes back to its `|:`; where that is missing, to the end of the last repeat or
    the last double bar.

    Raises:
        AbcError: more than `MAX_NOTES` notes come of it.
    """
    start, turn, at, count = 0, 1, 0, 0
    while at < len(bars):
        bar, before = bars[at], bars[at - 1] if at else None
        ended = before is not None and (
            (before.endings and not bar.endings)
            or (before.section and not (before.closes or bar.endings or bars[start].opens))
        )
        if at != start and (bar.opens or ended):
            start, turn = at, 1
        if bar.endings and turn not in bar.endings:
            at += 1
            continue
        count += sum(max(1, len(event.tones)) for event in bar.events)
        if count > MAX_NOTES:
            raise AbcError("abc-too-long", f"more than {MAX_NOTES:,} notes, repeats played out")
        yield bar
        at += 1
        if bar.closes and turn < _turns(bars, start, bar):
            turn, at = turn + 1, start
        elif bar.closes and not (at < len(bars) and bars[at].endings):
            start, turn = at, 1


def once(bars: list[Bar]) -> Iterator[Bar]:
    """The bars as written, each part once: of variant endings the last."""
    for _, run in groupby(bars, key=lambda bar: bool(bar.endings)):
        alike = list(run)
        yield from (bar for bar in alike if bar.endings == alike[-1].endings)


def _turns(bars: list[Bar], start: int, closing: Bar) -> int:
    """How often the part from `start` is played: by its repeat sign, and by its endings."""
    turns = closing.closes + 1
    within = False
    for bar in bars[start:]:
        if (bar.opens and bar is not bars[start]) or (within and not bar.endings):
            break
        within = bool(bar.endings)
        turns = max([turns, *bar.endings])
        if bar is closing and not within:
            break
    return turns


def joined(bars: list[Bar]) -> list[Fraction]:
    """The times of the bar lines of bars as played.

    Where a repeat sign or double bar cuts a bar in two that together fill it, no line stands.
    """
    times: list[Fraction] = []
    now = Fraction(0)
    open_part = Fraction(0)
    for at, bar in enumerate(bars):
        length = bar.length
        now += length
        following = bars[at + 1].length if at + 1 < len(bars) else Fraction(0)
        whole = bar.full is not None and open_part + length + following == bar.full
        if whole and following and bar.section:
            open_part += length
            continue
        open_part = Fraction(0)
        if length:
            times.append(now)
    return times


def notes_of(bars: list[Bar]) -> list[Note]:
    """The notes of bars as played, ties joined."""
    notes: list[Note] = []
    now = Fraction(0)
    waiting: dict[int, int] = {}
    for event in (event for bar in bars for event in bar.events):
        held: dict[int, int] = {}
        for tone in event.tones:
            place = waiting.get(tone.pitch)
            if place is not None and notes[place].end == now:
                before = notes[place]
                notes[place] = Note(before.start, before.pitch, before.duration + tone.duration)
            else:
                place = len(notes)
                notes.append(Note(now, tone.pitch, tone.duration))
            if tone.tied:
                held[tone.pitch] = place
        waiting = held
        now += event.duration
    return sorted(notes)
