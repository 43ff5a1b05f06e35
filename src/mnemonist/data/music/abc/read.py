"""Tunes from ABC text and files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mnemonist.data.encodings import detect_encoding
from mnemonist.data.findings import Finding, raise_fatal, some
from mnemonist.data.music.abc.bars import Bar, joined, notes_of, once, played
from mnemonist.data.music.abc.errors import AbcError
from mnemonist.data.music.abc.fields import (
    KNOWN_FIELDS,
    KeyField,
    default_unit,
    key_of,
    metre_of,
    shift_of,
    tempo_of,
    unit_of,
)
from mnemonist.data.music.abc.symbols import symbols
from mnemonist.data.music.abc.voice import VoiceReader
from mnemonist.data.music.files import MAX_TEXT_BYTES, refuse_unreadable
from mnemonist.data.music.score import Metre, Score, Voice
from mnemonist.errors import DataError

__all__ = ["inspect_abc", "parse_abc", "read_abc"]

_FIELD = re.compile(r"([A-Za-z+]):(.*)")
_BODY_FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)")
_SPREAD = re.compile(r"%%propagate-accidentals\s+(not|octave|pitch)\b")
_COMMENT = re.compile(r"(?<!\\)%.*")
_NAME = re.compile(r'(?:\bname|\bnm)\s*=\s*(?:"([^"]*)"|(\S+))')

Lines = list[tuple[int, str]]

MAX_VOICES = 32


def parse_abc(text: str, *, repeats: bool = True) -> list[Score]:
    """The tunes of a text in ABC notation (2.1, Walshaw 2011).

    Read: X T M L Q K V; all modes and explicit accidentals; accidentals until the bar line;
    octaves, lengths, broken rhythm, tuplets, ties, chords, rests, repeats and variant endings,
    several voices. Dropped: grace notes, slurs, ornaments, chord symbols, words, parts (P:).
    Refused: voice overlays (&).

    Args:
        text: one tune or several.
        repeats: play repeats out; otherwise each part stands once, with its last ending.

    Raises:
        DataError: a tune that cannot be read, with line and column; text without a tune.

    >>> (tune,) = parse_abc("X:1\\nT:Scale\\nM:2/4\\nL:1/4\\nK:D\\n|:D E|F2:|")
    >>> [note.pitch for note in tune.voices[0].notes], str(tune.key), tune.length
    ([62, 64, 66, 62, 64, 66], 'D', Fraction(8, 1))
    """
    scores, findings = _inspect(enumerate(text.splitlines(), start=1), "text", repeats)
    raise_fatal(findings)
    return scores


def read_abc(path: str | Path, *, encoding: str | None = None, repeats: bool = True) -> list[Score]:
    """The tunes of a file, as `parse_abc` reads them.

    Raises:
        DataError: a tune that cannot be read (file, line and column), or no tune.
    """
    scores, findings = inspect_abc(path, encoding=encoding, repeats=repeats)
    raise_fatal(findings)
    return scores


def inspect_abc(
    path: str | Path, *, encoding: str | None = None, repeats: bool = True
) -> tuple[list[Score], list[Finding]]:
    """The tunes of a file that can be read, and what is to say about all of them.

    A tune that cannot be read gives one fatal finding; the others are read.

    Raises:
        DataError: no such file, too large, or not text.
    """
    path = Path(path)
    refuse_unreadable(path, MAX_TEXT_BYTES)
    encoding = encoding or detect_encoding(path)
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise DataError(
            f"encoding={encoding!r} is no encoding that Python knows; for example 'utf-8', 'gbk' "
            "or 'latin-1'."
        ) from error
    try:
        with path.open(encoding=encoding) as file:
            return _inspect(enumerate(file, start=1), str(path), repeats)
    except UnicodeError as error:
        raise DataError(f"{path} is no text in {encoding}: {error}. Name its encoding.") from error


def _inspect(
    lines: Iterable[tuple[int, str]], name: str, repeats: bool
) -> tuple[list[Score], list[Finding]]:
    scores: list[Score] = []
    findings: list[Finding] = []
    for shared, tune in _tunes(lines):
        reader = _Tune(name, repeats)
        try:
            scores.append(reader.read(shared, tune))
        except AbcError as error:
            message = f"column {error.column}: {error.message}" if error.column else error.message
            remedy = "correct the tune, or leave it out"
            findings.append(
                Finding("fatal", error.code, message, name, error.line or tune[0][0], (), remedy)
            )
        findings += reader.findings
    if not scores and not findings:
        remedy = "start each tune with a line X:1 and end its header with K:"
        findings.append(
            Finding("fatal", "abc-no-tune", "no line starts with X:", name, 1, (), remedy)
        )
    return scores, findings


def _tunes(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[Lines, Lines]]:
    """(the lines of the file header, the lines of a tune), tune by tune."""
    shared: Lines = []
    tune: Lines = []
    started = False
    for number, line in lines:
        line = line.rstrip("\r\n")
        if line.startswith("X:"):
            if tune:
                yield shared, tune
            tune, started = [], True
        if line.strip() and (tune or line.startswith("X:")):
            tune.append((number, line))
        elif line.strip() and not started:
            shared.append((number, line))
        elif tune and not line.strip():
            yield shared, tune
            tune = []
    if tune:
        yield shared, tune


@dataclass
class _Tune:
    """One tune while it is read: the header's values, then the voices."""

    name: str
    repeats: bool
    findings: list[Finding] = field(default_factory=list)
    title: str = ""
    key: KeyField | None = None
    metre: Metre | None = None
    unit: Fraction | None = None
    tempo: str = ""
    spread: str = "pitch"
    voices: dict[str, VoiceReader] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def read(self, shared: Lines, tune: Lines) -> Score:
        for number, line in shared:
            if (_FIELD.match(line) and line[0] in "MLQ") or line.startswith("%%"):
                self._line(number, line)
        voice: VoiceReader | None = None
        before = ""
        for number, line in tune:
            # A header line may go on after a backslash; the continued fields bear on no sound.
            if self.key is not None or _FIELD.match(line) or not before.endswith("\\"):
                voice = self._line(number, line, voice)
            before = line.rstrip()
        if self.key is None:
            raise AbcError("abc-no-key", "the header has no K: field to end it", tune[0][0], 1)
        return self._score(tune[0][0])

    def _line(self, number: int, line: str, voice: VoiceReader | None = None) -> VoiceReader | None:
        if spread := _SPREAD.match(line):
            self.spread = spread[1]
        text = _COMMENT.sub("", line)
        if not text.strip():
            return voice
        try:
            if match := (_FIELD if self.key is None else _BODY_FIELD).match(text):
                return self._field(match[1], match[2], voice, number)
        except AbcError as error:
            raise AbcError(error.code, error.message, number, 3) from error
        if self.key is None:
            raise AbcError("abc-no-key", "music before the header's K: field", number, 1)
        for symbol in symbols(text, number):
            voice = voice or self._voice("1")
            if symbol.kind != "field":
                voice.take(symbol)
                continue
            try:
                voice = self._field(symbol["name"], symbol["text"], voice, number)
            except AbcError as error:
                raise AbcError(error.code, error.message, number, symbol.column) from error
        if voice is not None:
            voice.end_line()
        return voice

    def _field(
        self, letter: str, text: str, voice: VoiceReader | None, line: int
    ) -> VoiceReader | None:
        if letter not in KNOWN_FIELDS:
            message = f"the field {letter}: is none of ABC 2.1 and was skipped"
            self.findings.append(Finding("note", "unknown-field", message, self.name, line))
        if letter == "T":
            self.title = self.title or text.strip().replace("\\%", "%")
        elif letter == "V":
            return self._named_voice(text, voice)
        elif self.key is None:
            self._header(letter, text)
        else:
            self._change(letter, text, voice or self._voice("1"))
        return voice

    def _header(self, letter: str, text: str) -> None:
        if letter == "M":
            self.metre = metre_of(text)
        elif letter == "L":
            self.unit = unit_of(text)
        elif letter == "Q":
            self.tempo = text
        elif letter == "K":
            self.key = key_of(text)

    def _change(self, letter: str, text: str, voice: VoiceReader) -> None:
        if letter == "M":
            voice.metre = metre_of(text)
        elif letter == "L":
            voice.unit = unit_of(text)
        elif letter == "K":
            voice.key = key_of(text) if text.strip() else voice.key
        elif letter == "Q":
            self.tempo = self.tempo or text

    def _named_voice(self, text: str, voice: VoiceReader | None) -> VoiceReader | None:
        label, _, rest = text.strip().partition(" ")
        if not label:
            raise AbcError("abc-voice", "the field V: names no voice")
        self.told[label] = f"{self.told.get(label, '')} {rest}"
        if self.key is None:
            return voice
        return self._voice(label)

    def _voice(self, label: str) -> VoiceReader:
        if label not in self.voices:
            if len(self.voices) == MAX_VOICES:
                raise AbcError("abc-voice", f"more than {MAX_VOICES} voices")
            assert self.key is not None
            told = self.told.get(label, "")
            name = _NAME.search(told)
            self.voices[label] = VoiceReader(
                self.key,
                self.metre,
                self.unit or default_unit(self.metre),
                name=(name[1] or name[2] or "") if name else "",
                shift=shift_of(told),
                spread=self.spread,
            )
        return self.voices[label]

    def _score(self, line: int) -> Score:
        assert self.key is not None
        voices, lines = [], []
        for voice in self.voices.values():
            written = voice.finish()
            self._check_bars(written)
            order = list((played if self.repeats else once)(written))
            if notes := notes_of(order):
                voices.append(Voice(tuple(notes), voice.name))
                lines.append(tuple(joined(order)))
        if not voices:
            raise AbcError("abc-no-music", "the tune has no notes", line, 1)
        if len(voices) > 1 and len({bars[-1] for bars in lines}) > 1:
            message = "the voices are of unequal length: " + some(
                (f"{bars[-1]} quarters" for bars in lines), len(lines)
            )
            self.findings.append(Finding("warning", "voices-differ", message, self.name, line))
        unit = self.unit or default_unit(self.metre)
        bars = max(lines, key=lambda bars: bars[-1])
        tempo = tempo_of(self.tempo, unit)
        return Score(tuple(voices), bars, self.metre, self.key.key, tempo, self.title)

    def _check_bars(self, bars: list[Bar]) -> None:
        """Bars that the metre asks more or less of; short ones may stand beside a double bar."""
        wrong = [
            bar
            for at, bar in enumerate(bars)
            if bar.full is not None
            and bar.length != bar.full
            and not (
                bar.length < bar.full
                and (bar.section or bar.opens or not at or bars[at - 1].section)
            )
        ]
        if wrong:
            first = wrong[0]
            assert first.full is not None
            message = (
                f"{self.title or 'a tune'}: {len(wrong)} of {len(bars)} bars do not add up to the "
                f"metre; the first lasts {first.length / 4} of a whole note, not {first.full / 4}"
            )
            places = tuple(dict.fromkeys(bar.line for bar in wrong))[:5]
            remedy = "count the notes of the bar, or tell the change of metre with [M:]"
            self.findings.append(
                Finding("warning", "bar-length", message, self.name, places[0], places, remedy)
            )
