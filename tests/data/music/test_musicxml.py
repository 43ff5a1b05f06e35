"""MusicXML: parts, chords, ties and bars; archives; and documents that mean harm."""

from __future__ import annotations

import zipfile

import pytest

from mnemonist.data.music import Key, read_musicxml
from mnemonist.errors import DataError


def note(step: str, octave: int, duration: object, extra: str = "", voice: int = 1) -> str:
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{extra}{pitch}<duration>{duration}</duration><voice>{voice}</voice></note>"


def document(*measures: str, head: str = "") -> str:
    inner = "".join(f"<measure>{measure}</measure>" for measure in measures)
    return (
        f'<?xml version="1.0"?>{head}<score-partwise><movement-title>Choral</movement-title>'
        '<part-list><score-part id="P1"><part-name>Soprano</part-name></score-part></part-list>'
        f'<part id="P1">{inner}</part></score-partwise>'
    )


ATTRIBUTES = (
    "<attributes><divisions>2</divisions><key><fifths>-3</fifths><mode>minor</mode></key>"
    "<time><beats>2</beats><beat-type>4</beat-type></time></attributes>"
)
TWO_BARS = document(
    ATTRIBUTES
    + note("C", 5, 2)
    + note("E", 5, 2, "<chord/>")
    + note("D", 5, 2, '<tie type="start"/>')
    + "<backup><duration>4</duration></backup>"
    + note("G", 3, 4, voice=2),
    note("D", 5, 1, '<tie type="stop"/>') + note("B", 4, 0, "<grace/>") + note("C", 5, 3),
)


def test_voices_chords_ties_and_bars(tmp_path):
    path = tmp_path / "a.musicxml"
    path.write_text(TWO_BARS)
    score = read_musicxml(path)
    upper, lower = ([(n.start, n.pitch, n.duration) for n in v.notes] for v in score.voices)
    assert upper == [(0, 72, 1), (0, 76, 1), (1, 74, 1.5), (2.5, 72, 1.5)]
    assert lower == [(0, 55, 2)]
    assert (score.bars, score.metre, score.key) == ((2, 4), (2, 4), Key(-3, "minor"))
    assert (score.title, score.voices[0].name) == ("Choral", "Soprano")


def test_an_archive_names_its_root(tmp_path):
    path = tmp_path / "a.mxl"
    container = '<container><rootfiles><rootfile full-path="in/b.xml"/></rootfiles></container>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("other.xml", "<other/>")
        archive.writestr("in/b.xml", TWO_BARS)
    assert read_musicxml(path).note_count == 5


def test_entities_are_refused_before_they_grow(tmp_path):
    laughs = '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    path = tmp_path / "a.xml"
    path.write_text(document(note("C", 4, 1), head=laughs))
    with pytest.raises(DataError, match="entities"):
        read_musicxml(path)


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "a.mxl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b" " * (33 * 1024 * 1024))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="unpacks to more"):
        read_musicxml(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a><b></a>", "no XML"),
        ("<html/>", "partwise"),
        (document(""), "0 notes"),
        (document(note("C", 99, 1)), "pitch"),
        (document(note("H", 4, 1)), "no readable"),
        ("<a>" * 100, "nested"),
        (document(note("C", 4, "9e999999999")), "no number of divisions"),
        (document("<attributes><divisions>x</divisions></attributes>"), "no readable"),
    ],
)
def test_what_is_no_score_says_so(tmp_path, text, why):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=why):
        read_musicxml(path)
