"""Standard MIDI files, in and out, by mido."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import ModuleType
from typing import Any

from mnemonist.data.findings import Finding
from mnemonist.data.music.files import MAX_BINARY_BYTES, refuse_unreadable
from mnemonist.data.music.key import Key
from mnemonist.data.music.score import MAX_NOTES, Metre, Note, Score, Voice
from mnemonist.errors import DataError, MissingExtraError

__all__ = ["inspect_midi", "read_midi", "write_midi"]

_DRUMS = 9
_VELOCITY = 80
_TICKS = 480
_MAX_TICKS = 32767
_MAX_BARS = 100_000
_MAX_BEATS = 255


def read_midi(path: str | Path) -> Score:
    """The score of a MIDI file of type 0 or 1: a voice for each track and channel that sounds.

    Times are exact fractions of the file's ticks; for music that was played rather than written,
    `quantised` comes next. The first tempo and key count; the metre is the one that lasts longest,
    and bar lines follow all of them. Drums (channel 10) are left out.

    Raises:
        DataError: no such file, too large, no MIDI file, type 2, times by clock (SMPTE), no notes.
        MissingExtraError: mido is not installed.
    """
    return inspect_midi(path)[0]


def inspect_midi(path: str | Path) -> tuple[Score, list[Finding]]:
    """The score, and what was left out or mended in reading it."""
    mido = _mido()
    path = Path(path)
    refuse_unreadable(path, MAX_BINARY_BYTES)
    file = _file(mido, path)
    if file.type == 2 or file.ticks_per_beat <= 0:
        what = "type 2 (patterns)" if file.type == 2 else "timed by clock (SMPTE), not by beats"
        raise DataError(f"{path} is {what}; save it as type 0 or 1 with ticks per quarter.")
    found = _Found(file.ticks_per_beat)
    for number, track in enumerate(file.tracks):
        found.track(number, track, str(path))
    return found.score(path), found.findings(str(path))


def _file(mido: ModuleType, path: Path) -> Any:
    """The messages of a file; names in it are UTF-8, or Latin-1 as the standard's makers meant."""
    data = path.read_bytes()
    try:
        try:
            return mido.MidiFile(file=io.BytesIO(data), clip=True, charset="utf-8")
        except UnicodeDecodeError:
            return mido.MidiFile(file=io.BytesIO(data), clip=True, charset="latin-1")
    except Exception as error:
        # mido has no error of its own: a damaged file ends in any of a dozen built-in ones.
        said = str(error) or type(error).__name__
        raise DataError(f"{path} is no readable MIDI file: {said}. Export it again.") from error


def _mido() -> ModuleType:
    try:
        import mido
    except ImportError as error:
        raise MissingExtraError("MIDI files", package="mido", extra="music") from error
    return mido


@dataclass
class _Found:
    """What the tracks hold, in ticks."""

    ticks: int
    notes: dict[tuple[int, int], list[Note]] = field(default_factory=lambda: defaultdict(list))
    names: dict[int, str] = field(default_factory=dict)
    metres: list[tuple[int, Metre]] = field(default_factory=list)
    keys: list[tuple[int, str]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    count: int = 0
    drums: int = 0
    unended: int = 0

    def track(self, number: int, track: Any, name: str) -> None:
        now = 0
        sounding: dict[tuple[int, int], int] = {}
        for message in track:
            now += message.time
            if message.type in ("note_on", "note_off"):
                place = (message.channel, message.note)
                if place in sounding:
                    self._note(number, place, sounding.pop(place), now)
                if message.type == "note_on" and message.velocity:
                    sounding[place] = now
                    self.count += 1
                if self.count > MAX_NOTES:
                    raise DataError(f"{name} has more than {MAX_NOTES:,} notes; cut it.")
            elif message.is_meta:
                self._meta(number, now, message)
        for place, start in sounding.items():
            self.unended += 1
            self._note(number, place, start, now)
        self.end = max(self.end, now)

    def _note(self, number: int, place: tuple[int, int], start: int, end: int) -> None:
        channel, pitch = place
        if channel == _DRUMS:
            self.drums += 1
        elif end > start:
            times = Fraction(start, self.ticks), Fraction(end - start, self.ticks)
            self.notes[number, channel].append(Note(times[0], pitch, times[1]))

    def _meta(self, number: int, now: int, message: Any) -> None:
        if message.type == "track_name":
            self.names.setdefault(number, message.name.strip("\x00 "))
        elif message.type == "time_signature" and message.numerator:
            self.metres.append((now, (message.numerator, message.denominator)))
        elif message.type == "key_signature":
            self.keys.append((now, message.key))
        elif message.type == "set_tempo" and message.tempo:
            self.tempos.append((now, message.tempo))

    def score(self, path: Path) -> Score:
        if not self.notes:
            raise DataError(f"{path} has no notes, drums left aside.")
        voices = tuple(
            Voice(tuple(sorted(notes)), self.names.get(number, "") if number else "")
            for (number, _), notes in sorted(self.notes.items())
        )
        metre, bars = self._bars()
        key = Key.named(min(self.keys)[1]) if self.keys else Key()
        tempo = round(60e6 / min(self.tempos)[1], 3) if self.tempos else None
        return Score(voices, bars, metre, key, tempo, self.names.get(0, ""))

    def _bars(self) -> tuple[Metre | None, tuple[Fraction, ...]]:
        """The metre that lasts longest, and the bar lines that all of them draw."""
        changes = sorted(dict(sorted(self.metres)).items())
        if not changes:
            return None, ()
        lasting: dict[Metre, int] = defaultdict(int)
        bars: list[Fraction] = []
        for (start, metre), (stop, _) in zip(changes, [*changes[1:], (self.end, (0, 0))]):
            lasting[metre] += stop - start
            length = Fraction(4 * metre[0], metre[1])
            at, until = Fraction(start, self.ticks), Fraction(stop, self.ticks)
            while at < until and len(bars) < _MAX_BARS:
                at = min(at + length, until)
                bars.append(at)
        return max(lasting, key=lambda metre: lasting[metre]), tuple(bars)

    def findings(self, name: str) -> list[Finding]:
        said = []
        if self.drums:
            message = f"{self.drums} drum notes (channel 10) were left out"
            said.append(Finding("note", "drums", message, name))
        if self.unended:
            message = f"{self.unended} notes never end; they end with their track"
            said.append(Finding("warning", "unended-notes", message, name))
        if len(self.tempos) > 1:
            message = "the tempo changes; the first one was kept"
            said.append(Finding("note", "tempo-changes", message, name))
        return said


def write_midi(score: Score, path: str | Path, *, tempo: float = 120.0) -> None:
    """Write a playable MIDI file of type 1: a track for each voice.

    Bars that differ from the metre (a pick-up) are told by time signatures of their own, so that
    the bar lines come back. A mode other than major is written as the minor or major key of the
    same signature, as MIDI knows no other.

    Args:
        tempo: quarter notes in a minute where the score has none.

    Raises:
        DataError: times whose common denominator is above 32,767 (see `quantised`).
        MissingExtraError: mido is not installed.
    """
    mido = _mido()
    times = [
        time for voice in score.voices for note in voice.notes for time in (note.start, note.end)
    ]
    whole = lcm(*(time.denominator for time in (*times, *score.bars)))
    ticks = whole * -(-_TICKS // whole)
    if ticks > _MAX_TICKS:
        raise DataError(
            f"the times of {score.title or 'the score'} have the common denominator {whole}, and "
            f"MIDI counts at most {_MAX_TICKS:,} ticks in a quarter. Use quantised(score) first."
        )
    file = mido.MidiFile(type=1, ticks_per_beat=ticks, charset="utf-8")
    file.tracks.append(
        _track(mido, score.title, _conductor(mido, score, ticks, tempo), score.length * ticks)
    )
    for place, voice in enumerate(score.voices):
        channel = place % 15
        channel += channel >= _DRUMS
        events = [
            (
                int(time * ticks),
                mido.Message(kind, channel=channel, note=note.pitch, velocity=speed),
            )
            for note in voice.notes
            for kind, time, speed in (("note_off", note.end, 0), ("note_on", note.start, _VELOCITY))
        ]
        events.sort(key=lambda event: (event[0], event[1].type == "note_on"))
        file.tracks.append(_track(mido, voice.name, events, score.length * ticks))
    file.save(path)


def _conductor(mido: ModuleType, score: Score, ticks: int, tempo: float) -> list[tuple[int, Any]]:
    """Tempo, key and the time signatures that draw the bar lines."""
    rate = mido.bpm2tempo(score.tempo or tempo)
    minor = Key(score.key.fifths, "minor" if score.key.mode == "minor" else "major")
    events = [
        (0, mido.MetaMessage("set_tempo", tempo=min(rate, 0xFFFFFF))),
        (0, mido.MetaMessage("key_signature", key=str(minor))),
    ]
    start, before = Fraction(0), None
    for bar in (*score.bars, None):
        length = score.bar_length if bar is None else bar - start
        if length is None or (bar is None and score.bars):
            break
        written = score.metre is not None and score.metre[0] <= _MAX_BEATS
        metre = score.metre if written and length == score.bar_length else _metre(length)
        if metre is not None and metre != before:
            message = mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])
            events.append((int(start * ticks), message))
        start, before = bar or start, metre
    return events


def _metre(length: Fraction) -> Metre | None:
    """A metre whose bar is so long; None where MIDI can write none."""
    for unit in (4, 8, 16, 32, 64, 128):
        beats = length * unit / 4
        if beats.denominator == 1 and beats <= _MAX_BEATS:
            return int(beats), unit
    return None


def _track(mido: ModuleType, name: str, events: list[tuple[int, Any]], end: Fraction) -> Any:
    track = mido.MidiTrack()
    if name:
        track.append(mido.MetaMessage("track_name", name=name))
    before = 0
    for time, message in events:
        track.append(message.copy(time=time - before))
        before = time
    track.append(mido.MetaMessage("end_of_track", time=max(0, int(end) - before)))
    return track
