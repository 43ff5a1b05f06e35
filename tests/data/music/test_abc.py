"""ABC notation: the rules of the standard, one by one, and what is said of text that breaks them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.music.made import scores

from mnemonist.data.music import Key, Score, abc_of, inspect_abc, parse_abc, read_abc, write_abc
from mnemonist.errors import DataError


def tune(music: str, head: str = "M:4/4\nL:1/4\nK:C") -> Score:
    (score,) = parse_abc(f"X:1\n{head}\n{music}\n")
    return score


def pitches(score: Score, voice: int = 0) -> list[int]:
    return [note.pitch for note in score.voices[voice].notes]


def durations(score: Score) -> list[str]:
    return [str(note.duration) for note in score.voices[0].notes]


def test_octaves_and_lengths():
    score = tune("C,, C, C c c' c''")
    assert pitches(score) == [36, 48, 60, 72, 84, 96]
    assert durations(tune("A2 A/ A// A/4 A3/2 A3/")) == ["2", "1/2", "1/4", "1/4", "3/2", "3/2"]


def test_headers():
    head = "T:Jig\nT:other name\nM:6/8\nL:1/8\nQ:3/8=80\nK:Edor"
    score = tune("E3 E3|", head)
    assert (score.title, score.metre, score.tempo) == ("Jig", (6, 8), 120.0)
    assert score.key == Key(2, "dorian")


@pytest.mark.parametrize(
    ("metre", "quarters"), [("2/4", "1/4"), ("3/4", "1/2"), ("C", "1/2"), ("none", "1/2")]
)
def test_the_unit_note_follows_from_the_metre(metre, quarters):
    assert durations(tune("A", f"M:{metre}\nK:C")) == [quarters]


@pytest.mark.parametrize(
    ("keys", "sharps"),
    [
        ("C Am GMix DDor EPhr FLyd BLoc", 0),
        ("G Em DMix ADor BPhr CLyd F#Loc", 1),
        ("E C#m BMix F#Dor G#Phr ALyd D#Loc", 4),
        ("Eb Cm BbMix FDor GPhr AbLyd DLoc", -3),
        ("Cb Abm GbMix DbDor EbPhr FbLyd BbLoc", -7),
        ("C# A#m G#Mix D#Dor E#Phr F#Lyd B#Loc", 7),
    ],
)
def test_the_table_of_key_signatures_of_the_standard(keys, sharps):
    assert [Key.named(name).fifths for name in keys.split()] == [sharps] * 7


def test_explicit_accidentals_of_a_key():
    assert pitches(tune("B e f", "K:D exp _b _e ^f")) == [70, 75, 78]
    assert pitches(tune("E F B", "K:D Phr ^f")) == [63, 66, 70]
    assert pitches(tune("C F G", "K:HP")) == [61, 66, 67]


def test_an_accidental_holds_until_the_bar_line_in_every_octave():
    assert pitches(tune("^F F f =f F|F")) == [66, 66, 78, 77, 65, 65]


@pytest.mark.parametrize(("scope", "expected"), [("octave", [66, 66, 77]), ("not", [66, 65, 77])])
def test_how_far_an_accidental_reaches_may_be_told(scope, expected):
    head = f"%%propagate-accidentals {scope}\nK:C"
    assert pitches(tune("^F F f", head)) == expected


def test_a_tied_note_keeps_its_accidental_over_the_bar_line():
    score = tune("^c4-|c c2 z|")
    assert pitches(score) == [73, 72]
    assert durations(score) == ["5", "2"]


def test_broken_rhythm():
    assert durations(tune("A>B A<B A>>B A2<<B2")) == [
        *("3/2", "1/2", "1/2", "3/2"),
        *("7/4", "1/4", "1/2", "7/2"),
    ]


@pytest.mark.parametrize(
    ("written", "time"),
    [("(2AB", 3), ("(3ABc", 2), ("(4ABcd", 3), ("(6ABcdef", 2), ("(8ABcdefga", 3)],
)
def test_tuplets_of_the_standard(written, time):
    score = tune(written)
    assert score.voices[0].notes[-1].end == time


def test_tuplets_of_five_and_seven_follow_the_metre():
    assert tune("(5ABcde", "M:4/4\nL:1/4\nK:C").length == 2
    assert tune("(5ABcde", "M:6/8\nL:1/4\nK:C").length == 3
    assert durations(tune("(3:2:4A B c d e")) == ["2/3"] * 4 + ["1"]
    assert durations(tune("(3::A B c d")) == ["2/3"] * 3 + ["1"]


def test_chords_ties_within_them_and_rests():
    score = tune("[CEG]2 [C-E]2|[CF] z x2|")
    assert [(n.start, n.pitch, n.duration) for n in score.voices[0].notes] == [
        *((0, 60, 2), (0, 64, 2), (0, 67, 2)),
        *((2, 60, 3), (2, 64, 2), (4, 65, 1)),
    ]
    assert score.length == 8
    assert tune("C4|Z2|D4|").bars == (4, 8, 12, 16)


def test_what_does_not_sound_is_dropped():
    plain = tune("A B c d|")
    decorated = tune('"Am"A {gf}B !trill!(c ~d)| % end\nw: some words here\n')
    assert decorated == plain


@pytest.mark.parametrize(
    ("written", "played"),
    [
        ("C|:D:|E", "CDDE"),
        ("C:|D", "CCD"),
        ("C|:D::E:|F", "CDDEEF"),
        ("|:C|1D:|2E|]F", "CDCEF"),
        ("|:C[1D:|[2E||F:|", "CDCEFF"),
        ("|:C|1,3D:|2E:|F", "CDCECDF"),
        ("|:C|1-2D:|3E|]F", "CDCDCEF"),
        ("|::C::|D", "CCCD"),
        ("|:C||D:|", "CDCD"),
        ("C||D:|", "CDD"),
        ("|:C|1D:|2E:|:F:|", "CDCEFF"),
        ("|:C:||:D|1E:|2F|]", "CCDEDF"),
    ],
)
def test_repeats_and_endings_are_played_out(written, played):
    assert pitches(tune(written, "M:none\nL:1/4\nK:C")) == pitches(tune(played))


@pytest.mark.parametrize(
    ("written", "once"),
    [
        ("C|:D::E:|F", "CDEF"),
        ("|:C|1D:|2E|]F", "CEF"),
        ("|:C|1,3D:|2E:|F", "CEF"),
        ("|:C|1D|E:|2F|G:|:A|1B:|2c|]", "CFGAc"),
        ("|::C::|D", "CD"),
    ],
)
def test_each_part_may_be_taken_once_with_its_last_ending(written, once):
    (score,) = parse_abc(f"X:1\nM:none\nL:1/4\nK:C\n{written}\n", repeats=False)
    assert pitches(score) == pitches(tune(once))


def test_a_part_taken_once_still_completes_its_pickup():
    text = "X:1\nM:3/4\nL:1/4\nK:C\nG|:CDE|1FG:|2F3||G|cBA|G2|]\n"
    assert parse_abc(text, repeats=False)[0].bars == (1, 4, 7, 8, 11, 13)


def test_a_pickup_and_the_bar_that_it_completes_are_one_bar():
    score = tune("|:C|DEFG|ABc:|")
    assert score.bars == (1, 5, 9, 13, 16)


def test_a_full_bar_may_end_with_its_line():
    assert tune("CDEF\nGABc|d4|").bars == (4, 8, 12)


def test_voices_by_line_and_inline():
    text = 'V:1 name="Ober"\nV:2 octave=-1\nK:C\nV:1\nc4|[V:2]c4|\nV:1\nd4|\nV:2\nG4|\n'
    score = tune("", "M:4/4\nL:1/4\n" + text)
    assert [pitches(score, voice) for voice in (0, 1)] == [[72, 74], [60, 55]]
    assert [voice.name for voice in score.voices] == ["Ober", ""]
    assert score.bars == (4, 8)


def test_changes_within_a_tune():
    score = tune("C|[K:D][L:1/8]C|\nM:3/4\nF6|")
    assert [(note.pitch, note.duration) for note in score.voices[0].notes] == [
        *((60, 1), (61, Fraction(1, 2)), (66, 3)),
    ]


def test_a_file_of_tunes_with_a_header_of_its_own(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text("M:3/4\nL:1/4\n\nX:1\nT:茉莉花\nK:C\nC3|\n\nfree text\n\nX:2\nK:G\nF3|\n")
    first, second = read_abc(path)
    assert (first.title, first.metre, second.metre) == ("茉莉花", (3, 4), (3, 4))
    assert pitches(second) == [66]


def test_a_wrong_encoding_is_named(tmp_path):
    path = tmp_path / "tune.abc"
    path.write_bytes("X:1\nT:Café\nK:C\nCDEF|\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 2.*latin-1"):
        read_abc(path)
    with pytest.raises(DataError, match="is no text in utf-8"):
        read_abc(path, encoding="utf-8")
    with pytest.raises(DataError, match="no encoding that Python knows"):
        read_abc(path, encoding="klingon")
    assert read_abc(path, encoding="latin-1")[0].title == "Café"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_encodings_are_detected(tmp_path, encoding):
    path = tmp_path / "tune.abc"
    path.write_bytes("X:1\nT:茉莉花开满园花开香也香不过它\nK:C\nCDEF|\n".encode(encoding))
    assert read_abc(path)[0].title == "茉莉花开满园花开香也香不过它"


@pytest.mark.parametrize(
    ("music", "where", "why"),
    [
        ("CDEF|\nGA&Bc|", "line 6: column 3", "voice overlays"),
        ("CD E0", "line 5: column 4", "longer than 0"),
        ("CDE[FG", "line 5: column 4", "does not close"),
        ("CD\n[CE4;", "line 6: column 1", "does not close"),
        (">CD", "line 5: column 1", "needs a note before it"),
        ("C [C9E%", "line 5: column 3", "does not close"),
        ("C,,,,,,,D", "line 5: column 1", "MIDI pitch -24"),
        ("CD[K:H]", "line 5: column 3", "key 'H'"),
        ("CD\nM:3/5\nC", "line 6: column 3", "metre '3/5'"),
    ],
)
def test_errors_name_line_and_column(music, where, why):
    with pytest.raises(DataError) as caught:
        tune(music)
    assert where in str(caught.value)
    assert why in str(caught.value)


def test_one_bad_tune_leaves_the_others(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text("X:1\nK:C\nC&D\n\nX:2\nK:C\nCD|\n\nX:3\nT:no music\nK:C\n\nX:4\nT:no key\n")
    found, findings = inspect_abc(path)
    assert [pitches(score) for score in found] == [[60, 62]]
    assert [(f.code, f.line) for f in findings] == [
        *(("abc-symbol", 3), ("abc-no-music", 9), ("abc-no-key", 13)),
    ]
    with pytest.raises(DataError, match="line 3"):
        read_abc(path)


def test_bars_that_do_not_add_up_are_told_with_their_lines(tmp_path):
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nT:Odd\nM:4/4\nL:1/4\nE:10\nK:C\nC|CDEF|\nCDEFG|CD|\nCDEF|CDE:|\n")
    _, findings = inspect_abc(path)
    assert [(finding.code, finding.line) for finding in findings] == [
        *(("unknown-field", 5), ("bar-length", 8)),
    ]
    assert "2 of 6 bars" in findings[1].message
    assert "lasts 5/4 of a whole note, not 1" in findings[1].message


def test_text_without_a_tune_is_refused():
    with pytest.raises(DataError, match="no line starts with X:"):
        parse_abc("CDEF|")


def test_repeats_cannot_blow_up_the_memory(monkeypatch):
    monkeypatch.setattr("mnemonist.data.music.abc.bars.MAX_NOTES", 100)
    assert len(pitches(tune("|::::CDEFG::::|", "M:none\nL:1/4\nK:C"))) == 25
    with pytest.raises(DataError, match="more than 100 notes"):
        tune("|:CDEF|1-99G:|", "M:none\nL:1/4\nK:C")


@settings(max_examples=40)
@given(scores())
def test_what_is_written_reads_back_the_same(score):
    assert parse_abc(abc_of(score)) == [score]


@pytest.mark.parametrize(
    ("head", "music"),
    [
        ("M:6/8", "E | CDE FGA | G3 E2 F | G6 |"),
        ("M:3/4", "EF | C2 DE FG | A3/2B/2 c4 |"),
        ("M:2/2", "CDEF GABc | z2 c/2d/2e fgag |"),
        ("M:none", "C D E F G |"),
    ],
)
def test_notes_of_a_beat_stand_together(head, music):
    assert abc_of(tune(music, f"{head}\nL:1/8\nK:C")).splitlines()[-1] == music


@settings(max_examples=5)
@given(scores(), st.integers(1, 300))
def test_titles_and_tempos_come_back(tmp_path_factory, score, tempo):
    score = replace(score, title='100 % "Reel" 茉莉花', tempo=float(tempo))
    path = tmp_path_factory.mktemp("abc") / "tune.abc"
    write_abc([score, score], path)
    assert read_abc(path) == [score, score]


@given(st.text(alphabet="ABcd^_=,'/23[]|:(){}<>-zZ!+&\"%~. \nKMVL", max_size=60))
def test_any_text_is_read_or_refused_with_a_reason(text):
    said = "line"
    try:
        assert parse_abc(f"X:1\nK:C\nC{text}")
    except DataError as error:
        said = str(error)
    assert "line" in said
