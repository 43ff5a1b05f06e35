"""Tokens: what they say, that they say everything, and that whatever a model draws can be played."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

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
    in_common_key,
    parse_abc,
    quantised,
    score_of,
    tokens_of,
    transposed,
)
from mnemonist.data.music.transpose import melody
from mnemonist.errors import DataError


def score(*notes: tuple[float, int, float], **options) -> Score:
    made = (Note(Fraction(a), b, Fraction(c)) for a, b, c in notes)
    return Score((Voice(tuple(made)),), **options)


def test_a_chorale_reads_from_soprano_to_bass_with_ties_over_the_bar_line():
    text = "X:1\nM:2/4\nL:1/4\nK:G\nV:1\ng f|g2|\nV:2\nB2-|B z|\nV:3\n[DG]2|G,2|\n"
    (chorale,) = parse_abc(text)
    assert " ".join(tokens_of(chorale)) == (
        "M:2/4 K:G V:3 N79:1 N71:2 N62:2 +N67:2 N78:1 | N79:2 ~N71:1 N55:2 R:1 |"
    )


@settings(max_examples=60)
@given(scores())
def test_tokens_lose_nothing(made):
    assert score_of(tokens_of(made)) == made


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["|", "N60:1", "N64:1/2", "+N64:1", "~N60:1", "+~N64:2", "R:1/3", "V:3", "K:Gm"]
        )
    )
)
def test_whatever_a_model_draws_is_a_score_that_tokens_can_say_again(drawn):
    made = chained(score_of(drawn))
    again = score_of(tokens_of(made))
    assert [voice.notes for voice in again.voices] == [voice.notes for voice in made.voices]


@pytest.mark.parametrize(
    "token", ["N60", "N60:0", "N60:1/0", "N999:1", "R:0", "<unk>", "K:H", "V:0", "M:0/4", "M:3/5"]
)
def test_what_is_no_token_is_named_with_its_place(token):
    with pytest.raises(DataError) as caught:
        score_of(["N60:1", token])
    assert token.removeprefix("K:") in str(caught.value)


def test_notes_that_overlap_go_to_voices_of_their_own():
    piano = score((0, 48, 4), (0, 60, 1), (0, 64, 1), (1, 62, 1), (2, 60, 2))
    with pytest.raises(DataError, match="chained"):
        tokens_of(piano)
    split = chained(piano)
    assert [[note.pitch for note in voice.notes] for voice in split.voices] == [
        [60, 64, 62, 60],
        [48],
    ]
    assert sorted(note for voice in split.voices for note in voice.notes) == sorted(
        piano.voices[0].notes
    )


def test_playing_is_brought_onto_a_grid():
    played = score((0.02, 60, 0.97), (1.01, 62, 0.001), (1.34, 64, 0.3), bars=(Fraction("1.99"),))
    assert quantised(played) == score(
        *((0, 60, 1), (1, 62, Fraction(1, 12)), (Fraction(4, 3), 64, Fraction(1, 3))),
        bars=(Fraction(2),),
    )


@settings(max_examples=40)
@given(scores(), st.integers(-20, 20))
def test_transposing_keeps_intervals_and_the_degree_of_every_note(made, semitones):
    moved = transposed(made, semitones)
    assert melody(moved) == melody(made)
    before, after = made.voices[0].notes[0].pitch, moved.voices[0].notes[0].pitch
    assert after - before == semitones
    assert (moved.key.tonic - made.key.tonic - semitones) % 12 == 0
    assert moved.key.mode == made.key.mode


@settings(max_examples=40)
@given(scores())
def test_the_common_key_has_no_accidentals_and_is_near(made):
    common = in_common_key(made)
    assert common.key == Key(0, made.key.mode)
    shift = common.voices[0].notes[0].pitch - made.voices[0].notes[0].pitch
    assert -6 <= shift <= 6
    assert (made.key.tonic + shift - common.key.tonic) % 12 == 0


def test_a_note_is_not_moved_out_of_midi():
    with pytest.raises(DataError, match="120-126"):
        transposed(score((0, 120, 1), (1, 126, 1)), 2)
    with pytest.raises(DataError, match="pitch 128"):
        score((0, 128, 1))
    with pytest.raises(DataError, match="ascend"):
        replace(score((0, 60, 1)), bars=(Fraction(2), Fraction(1)))
