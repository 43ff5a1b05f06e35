"""MusicXML, plain and compressed: parts, voices, notes, ties and bars."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from mnemonist.data.music.files import MAX_BINARY_BYTES, refuse_unreadable
from mnemonist.data.music.key import Key
from mnemonist.data.music.score import MAX_NOTES, Metre, Note, Score, Voice
from mnemonist.errors import DataError

__all__ = ["read_musicxml"]

_MAX_XML = 32 * 1024 * 1024
_MAX_DEPTH = 64
# A power of ten would make a number without end of nine characters.
_DURATION = re.compile(r"\d{1,9}(\.\d{1,6})?")
_DAMAGED = (ValueError, ArithmeticError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def read_musicxml(path: str | Path) -> Score:
    """The score of a partwise MusicXML file (`.xml`, `.musicxml`) or its archive (`.mxl`).

    Every voice of every part is a voice of its own. Repeats are not played out, grace notes and
    percussion are dropped.

    Raises:
        DataError: no such file, too large, no MusicXML, entities declared in it, no notes.
    """
    path = Path(path)
    refuse_unreadable(path, MAX_BINARY_BYTES)
    try:
        root = _parsed(_unpacked(path), str(path))
        return _score(root, str(path))
    except _DAMAGED as error:
        if str(path) in str(error):
            raise
        raise DataError(
            f"{path} is no readable MusicXML file: {error}. Export it again."
        ) from error


def _unpacked(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        inner = next(
            (
                name
                for name in names
                if name.endswith((".xml", ".musicxml")) and not name.startswith("META-INF")
            ),
            None,
        )
        if "META-INF/container.xml" in names:
            container = _parsed(_member(archive, "META-INF/container.xml", path), str(path))
            roots = [item.get("full-path") for item in container.iter("rootfile")]
            inner = next((name for name in roots if name in names), inner)
        if inner is None:
            raise DataError(f"{path} is an archive without a MusicXML file in it.")
        return _member(archive, inner, path)


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """One file of an archive, whatever size its entry claims to be."""
    with archive.open(name) as file:
        data = file.read(_MAX_XML + 1)
    if len(data) > _MAX_XML:
        raise DataError(f"{path}: {name} unpacks to more than {_MAX_XML:,} bytes.")
    return data


def _parsed(data: bytes, name: str) -> Element:
    """The elements of an XML document; one that declares entities is refused, none is fetched."""
    parser = expat.ParserCreate()
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise DataError(f"{name}: elements are nested more than {_MAX_DEPTH} deep.")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def entity(*_: object) -> None:
        raise DataError(f"{name} declares XML entities; music needs none, so it is not read.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DataError(f"{name} is no XML: {error}.") from error
    return builder.close()


@dataclass
class _Part:
    """One part while its measures are read."""

    name: str
    divisions: int = 1
    shift: int = 0
    now: Fraction = Fraction(0)
    chord: Fraction = Fraction(0)
    notes: dict[str, list[Note]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[tuple[str, int], int] = field(default_factory=dict)
    bars: list[Fraction] = field(default_factory=list)
    metre: Metre | None = None
    key: Key | None = None

    def measure(self, element: Element) -> None:
        start = furthest = self.now
        for item in element:
            if item.tag == "attributes":
                self._attributes(item)
            elif item.tag == "note":
                self._note(item)
            elif item.tag == "backup":
                self.now = max(start, self.now - self._duration(item))
            elif item.tag == "forward":
                self.now += self._duration(item)
            furthest = max(furthest, self.now)
        self.now = furthest
        if furthest > start:
            self.bars.append(furthest)

    def _duration(self, item: Element) -> Fraction:
        text = (item.findtext("duration") or "0").strip()
        if not _DURATION.fullmatch(text):
            raise DataError(f"duration {text[:20]!r} is no number of divisions")
        return Fraction(text) / self.divisions

    def _attributes(self, item: Element) -> None:
        self.divisions = int(item.findtext("divisions") or self.divisions)
        self.shift = int(item.findtext("transpose/chromatic") or self.shift)
        if self.key is None and (fifths := item.findtext("key/fifths")) is not None:
            mode = (item.findtext("key/mode") or "major").strip()
            self.key = Key(int(fifths), mode) if mode != "none" else Key(int(fifths))
        beats, unit = item.findtext("time/beats"), item.findtext("time/beat-type")
        if self.metre is None and beats and unit:
            self.metre = sum(int(part) for part in beats.split("+")), int(unit)

    def _note(self, item: Element) -> None:
        if item.find("grace") is not None:
            return
        duration = self._duration(item)
        start = self.chord if item.find("chord") is not None else self.now
        self.chord = start
        self.now = max(self.now, start + duration)
        step = item.findtext("pitch/step")
        if step is None or duration <= 0:
            return
        octave, alter = int(item.findtext("pitch/octave") or 4), item.findtext("pitch/alter")
        pitch = 12 * (octave + 1) + _STEPS[step.strip()] + round(float(alter or 0)) + self.shift
        voice = (item.findtext("voice") or "1").strip()
        ties = {tie.get("type") for tie in item.findall("tie")}
        notes, place = self.notes[voice], (voice, pitch)
        before = self.waiting.pop(place, None)
        if "stop" in ties and before is not None and notes[before].end == start:
            held = notes[before]
            notes[before] = Note(held.start, pitch, held.duration + duration)
        else:
            before = len(notes)
            notes.append(Note(start, pitch, duration))
        if "start" in ties:
            self.waiting[place] = before


def _score(root: Element, name: str) -> Score:
    if root.tag != "score-partwise":
        raise DataError(f"{name}: the root is <{root.tag}>; a partwise score was expected.")
    names = {part.get("id"): part.findtext("part-name") or "" for part in root.iter("score-part")}
    parts = []
    for element in root.findall("part"):
        part = _Part(names.get(element.get("id"), "").strip())
        for measure in element.findall("measure"):
            part.measure(measure)
        parts.append(part)
    voices = tuple(
        Voice(tuple(sorted(notes)), part.name) for part in parts for notes in part.notes.values()
    )
    count = sum(len(voice.notes) for voice in voices)
    if not 0 < count <= MAX_NOTES:
        raise DataError(f"{name} has {count:,} notes; 1 to {MAX_NOTES:,} were expected.")
    tempo = next((sound.get("tempo") for sound in root.iter("sound") if sound.get("tempo")), None)
    title = root.findtext("work/work-title") or root.findtext("movement-title") or ""
    longest = max(parts, key=lambda part: part.now)
    key = next((part.key for part in parts if part.key is not None and not part.shift), Key())
    return Score(
        voices,
        tuple(longest.bars),
        longest.metre,
        key,
        float(tempo) if tempo else None,
        title.strip(),
    )
