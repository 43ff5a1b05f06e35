"""The music of one voice: from symbols to bars of events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from mnemonist.data.music.abc.bars import Bar, Event, Tone
from mnemonist.data.music.abc.errors import AbcError
from mnemonist.data.music.abc.fields import SHARPNESS, KeyField
from mnemonist.data.music.abc.symbols import Symbol, chord_symbols, length_of
from mnemonist.data.music.score import MAX_NOTES, Metre

__all__ = ["SEMITONES", "VoiceReader"]

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_USUAL_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


@dataclass
class VoiceReader:
    """One voice: what has been read, and what bears on what comes next.

    Args:
        key, metre, unit: those in force; a note without length is `unit` quarters long.
        shift: semitones that the voice sounds above its notation, beside the key's.
        spread: whether an accidental holds until the bar line for its "pitch" in every octave
            (the default of ABC 2.1), for its "octave", or for its note only ("not").
    """

    key: KeyField
    metre: Metre | None
    unit: Fraction
    name: str = ""
    shift: int = 0
    spread: str = "pitch"
    bars: list[Bar] = field(default_factory=list)
    _bar: Bar | None = None
    _opens: bool = False
    _endings: frozenset[int] = frozenset()
    _memory: dict[tuple[str, int], int] = field(default_factory=dict)
    _spelt: list[tuple[str, int, int]] = field(default_factory=list)
    _tied: dict[tuple[str, int], int] = field(default_factory=dict)
    _tuplet: tuple[Fraction, int] = (Fraction(1), 0)
    _broken: Fraction | None = None
    _count: int = 0

    def take(self, symbol: Symbol) -> None:
        """Add one symbol.

        Raises:
            AbcError: it cannot stand where it does.
        """
        try:
            getattr(self, f"_on_{symbol.kind}")(symbol)
        except AbcError as error:
            if error.line:
                raise
            raise AbcError(error.code, error.message, symbol.line, symbol.column) from error

    def end_line(self) -> None:
        """The end of a line of text: a bar that is full ends with it, bar line or not."""
        if self._bar is not None and self._bar.length == self._bar.full:
            self._close(section=False)

    def finish(self) -> list[Bar]:
        """All bars, the last one closed."""
        self._close(section=True)
        return self.bars

    def _on_bar(self, symbol: Symbol) -> None:
        line = symbol["sign"]
        colons_only = not line.strip(":")
        opens = line.endswith(":") and len(line) > 1
        closes = int(len(line) > 1) if colons_only else len(line) - len(line.lstrip(":"))
        section = opens or closes > 0 or len(line.strip(":[")) > 1
        self._close(section=section, closes=closes)
        if section or symbol["turns"]:
            self._endings = _passes(symbol["turns"])
        self._opens |= opens

    def _on_ending(self, symbol: Symbol) -> None:
        self._close(section=False)
        self._endings = _passes(symbol["passes"])

    def _close(self, *, section: bool, closes: int = 0) -> None:
        if self._bar is not None:
            self.bars.append(self._bar)
            self._bar = None
        if self.bars:
            self.bars[-1].section |= section
            self.bars[-1].closes = max(self.bars[-1].closes, closes)
        self._memory = {}

    def _on_tuplet(self, symbol: Symbol) -> None:
        notes = int(symbol["p"])
        compound = self.metre is not None and self.metre[0] % 3 == 0 and self.metre[0] > 3
        time = int(symbol["q"] or _USUAL_TIME.get(notes, 3 if compound else 2))
        reach = int(symbol["r"] or notes)
        if notes < 2 or not time or not reach:
            raise AbcError("abc-tuplet", f"tuplet {symbol.match[0]!r}: expected as (3 or (3:2:3")
        self._tuplet = Fraction(time, notes), reach

    def _on_broken(self, symbol: Symbol) -> None:
        text = symbol.match[0]
        events = self._bar.events if self._bar is not None else []
        if not events or self._broken is not None:
            raise AbcError("abc-broken", f"{text!r} needs a note before it in its bar")
        short = Fraction(1, 2 ** len(text))
        before, after = (2 - short, short) if text[0] == ">" else (short, 2 - short)
        events[-1] = _scaled(events[-1], before)
        self._broken = after

    def _on_note(self, symbol: Symbol) -> None:
        tone, spelt = self._tone(symbol)
        self._add(Event(tone.duration, (tone,)), [spelt], symbol.line)

    def _on_chord(self, symbol: Symbol) -> None:
        outer = length_of(symbol["outer"])
        tones: dict[int, Tone] = {}
        names = []
        for part in chord_symbols(symbol):
            tone, name = self._tone(part)
            if tone.pitch not in tones:
                tied = bool(part["tied"])
                tones[tone.pitch] = replace(tone, duration=tone.duration * outer, tied=tied)
                names.append(name)
        if tones:
            event = Event(next(iter(tones.values())).duration, tuple(tones.values()))
            self._add(event, names, symbol.line)
            self._hold()

    def _on_rest(self, symbol: Symbol) -> None:
        self._add(Event(self.unit * length_of(symbol["silence"])), [], symbol.line)

    def _on_bars(self, symbol: Symbol) -> None:
        count = int(symbol["count"] or 1)
        if self.metre is None or not count:
            raise AbcError("abc-rest", f"{symbol.match[0]!r} rests for bars, and needs a metre")
        length = Fraction(4 * self.metre[0], self.metre[1])
        for bar in range(count):
            if bar:
                self._close(section=False)
            self._add(Event(length), [], symbol.line)

    def _on_tie(self, symbol: Symbol) -> None:
        if self.bars or self._bar:
            bar = self._bar or self.bars[-1]
            if bar.events:
                last = bar.events[-1]
                last.tones = tuple(replace(tone, tied=True) for tone in last.tones)
                self._hold()

    def _hold(self) -> None:
        """A tied note keeps its accidental beyond the bar line."""
        bar = self._bar or self.bars[-1]
        self._tied = {
            (letter, octave): sharpness
            for tone, (letter, octave, sharpness) in zip(bar.events[-1].tones, self._spelt)
            if tone.tied
        }

    def _tone(self, symbol: Symbol) -> tuple[Tone, tuple[str, int, int]]:
        letter = symbol["letter"].upper()
        octave = int(symbol["letter"].islower())
        octave += symbol["octave"].count("'") - symbol["octave"].count(",")
        sharpness = self._sharpness(letter, octave, symbol["sharp"])
        pitch = 60 + 12 * octave + SEMITONES[letter] + sharpness + self.shift + self.key.shift
        if not 0 <= pitch <= 127:
            raise AbcError("abc-pitch", f"{symbol.match[0]!r} is MIDI pitch {pitch}, not in 0-127")
        duration = self.unit * length_of(symbol["length"])
        return Tone(pitch, duration), (letter, octave, sharpness)

    def _sharpness(self, letter: str, octave: int, sign: str) -> int:
        place = (letter, 0 if self.spread == "pitch" else octave)
        if sign:
            if self.spread != "not":
                self._memory[place] = SHARPNESS[sign]
            return SHARPNESS[sign]
        if (letter, octave) in self._tied:
            return self._tied[letter, octave]
        return self._memory.get(place, self.key.accidentals.get(letter, 0))

    def _add(self, event: Event, spelt: list[tuple[str, int, int]], line: int) -> None:
        if self._bar is None:
            full = None if self.metre is None else Fraction(4 * self.metre[0], self.metre[1])
            self._bar = Bar(line, full, opens=self._opens, endings=self._endings)
            self._opens = False
        ratio, left = self._tuplet
        if left:
            event = _scaled(event, ratio)
            self._tuplet = ratio, left - 1
        if self._broken is not None:
            event, self._broken = _scaled(event, self._broken), None
        self._count += max(1, len(event.tones))
        if self._count > MAX_NOTES:
            raise AbcError("abc-too-long", f"more than {MAX_NOTES:,} notes in one voice")
        self._bar.events.append(event)
        self._spelt, self._tied = spelt, {}


def _scaled(event: Event, factor: Fraction) -> Event:
    tones = tuple(replace(tone, duration=tone.duration * factor) for tone in event.tones)
    return Event(event.duration * factor, tones)


def _passes(text: str) -> frozenset[int]:
    """The numbers of `1`, `1,3` or `1-3`; none of an empty text."""
    passes: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        passes |= set(range(int(first), int(last or first) + 1))
    return frozenset(passes)
