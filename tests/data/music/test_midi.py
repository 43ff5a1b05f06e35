"""MIDI files: written ones play and come back; foreign and damaged ones are read or refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.music.made import scores

from mnemonist.data.music import (
    Key,
    Note,
    Score,
    Voice,
    chained,
    inspect_midi,
    read_midi,
    score_of,
    write_midi,
)
from mnemonist.errors import DataError

mido = pytest.importorskip("mido")


def saved(folder: Path, messages: list, kind: int = 0, **options) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=96)
    file.tracks.append(mido.MidiTrack(messages))
    path = folder / "made.mid"
    file.save(path)
    return path


def on(note: int, time: int = 0, velocity: int = 64, channel: int = 0):
    return mido.Message("note_on", note=note, time=time, velocity=velocity, channel=channel)


@settings(max_examples=30)
@given(scores(modes=("major", "minor")))
def test_what_is_written_reads_back_the_same(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    made = replace(chained(score), tempo=96.0, title="茉莉花")
    write_midi(made, path)
    found = read_midi(path)
    sounding = [voice.notes for voice in made.voices if voice.notes]
    assert [voice.notes for voice in found.voices] == sounding
    assert (found.bars, found.key, found.tempo, found.title) == (
        *(made.bars, made.key, 96.0, "茉莉花"),
    )


def test_the_file_lasts_as_long_as_the_music_by_midos_own_clock(tmp_path):
    write_midi(score_of(["M:4/4", "K:C", "N60:4", "|", "N62:4", "|"]), tmp_path / "a.mid", tempo=60)
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(8.0)


def test_channels_of_one_track_are_voices_and_drums_are_left_out(tmp_path):
    path = saved(
        tmp_path,
        [
            *(on(60), on(48, channel=1), on(35, channel=9)),
            *(on(60, 96, 0), on(35, 0, 0, channel=9), on(48, 96, 0, channel=1)),
        ],
    )
    score, findings = inspect_midi(path)
    assert [voice.notes for voice in score.voices] == [
        (Note(Fraction(0), 60, Fraction(1)),),
        (Note(Fraction(0), 48, Fraction(2)),),
    ]
    assert [finding.code for finding in findings] == ["drums"]


def test_a_note_struck_again_or_never_ended_still_ends(tmp_path):
    path = saved(tmp_path, [on(60), on(60, 48), on(62, 48), on(62, 48, 0)])
    score, findings = inspect_midi(path)
    assert [(note.pitch, note.duration) for note in score.voices[0].notes] == [
        *((60, Fraction(1, 2)), (60, Fraction(1)), (62, Fraction(1, 2))),
    ]
    assert [finding.code for finding in findings] == ["unended-notes"]


def test_metres_draw_the_bar_lines_and_the_longest_is_the_metre(tmp_path):
    def metre(above, below, time=0):
        return mido.MetaMessage("time_signature", numerator=above, denominator=below, time=time)

    path = saved(
        tmp_path,
        [
            *(metre(1, 4), metre(3, 4, 96), on(60), on(60, 576, 0), metre(2, 4), on(60)),
            on(60, 192, 0),
        ],
    )
    score = read_midi(path)
    assert score.metre == (3, 4)
    assert score.bars == (1, 4, 7, 9)


def test_a_tempo_and_a_key_are_kept(tmp_path):
    path = saved(
        tmp_path,
        [
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(72)),
            mido.MetaMessage("key_signature", key="Bbm"),
            *(on(60), on(60, 10, 0)),
        ],
    )
    score = read_midi(path)
    assert (score.tempo, score.key) == (72.0, Key(-5, "minor"))


def test_a_metre_of_more_beats_than_midi_counts_is_left_to_the_bar_lines(tmp_path):
    score = score_of(["M:300/16", "N60:75", "|"])
    write_midi(score, tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").bars == (75,)


def test_times_too_fine_for_midi_are_refused_with_the_remedy(tmp_path):
    note = Note(Fraction(1, 40_001), 60, Fraction(1))
    with pytest.raises(DataError, match="quantised"):
        write_midi(Score((Voice((note,)),)), tmp_path / "a.mid")


def test_what_is_no_midi_file_says_so(tmp_path):
    (tmp_path / "a.mid").write_text("X:1\nK:C\n")
    with pytest.raises(DataError, match="no readable MIDI file"):
        read_midi(tmp_path / "a.mid")
    with pytest.raises(DataError, match="no such file"):
        read_midi(tmp_path / "b.mid")
    with pytest.raises(DataError, match="has no notes"):
        read_midi(saved(tmp_path, []))
    with pytest.raises(DataError, match="type 2"):
        read_midi(saved(tmp_path, [on(60), on(60, 9, 0)], kind=2))


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    write_midi(score_of(["M:3/4", "K:D", "V:2", "N62:1", "N50:3", "N64:2", "|"]), path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    said = str(path)
    try:
        assert read_midi(path).note_count
    except DataError as error:
        said = str(error)
    assert str(path) in said
