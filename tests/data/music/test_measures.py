"""Which bars are full and which notes are in the key, counted by hand and on scores of every kind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from tests.data.music.made import scores

from mnemonist.data.music import Key, Soundness, score_of, soundness, tokens_of


def counted(*tunes: str) -> Soundness:
    return soundness(tune.split() for tune in tunes)


@settings(max_examples=40)
@given(scores())
def test_bars_between_a_pickup_and_the_end_of_a_written_score_are_full(made):
    found = soundness([tokens_of(made)])
    assert found.bars == found.full_bars == max(0, len(made.bars) - 2)
    assert found.notes == made.note_count


def test_the_first_and_the_last_bar_may_be_short_and_no_other():
    found = counted("M:3/4 K:C N60:1 | N60:3 | N60:2 | N60:4 | N60:2 |")
    assert (found.bars, found.full_bars, found.timed_tunes, found.full_tunes) == (3, 1, 1, 0)
    found = counted("M:3/4 K:C N60:1 | N60:3 | N60:2 |", "K:C N60:1 | N60:3 | N60:2 |")
    assert (found.bars, found.full_bars, found.timed_tunes, found.full_tunes) == (1, 1, 1, 1)


def test_a_bar_is_full_only_where_all_voices_have_filled_it():
    late = "M:2/4 K:C V:2 N60:2 N48:2 | N60:2 N48:1 | N60:2 N48:2 | N60:2 N48:2 | N60:2 N48:2 |"
    # the second voice is short in the second bar: neither it nor the next has both of its lines
    assert (counted(late).bars, counted(late).full_bars) == (3, 1)


def test_notes_are_in_the_key_by_its_signature():
    found = counted("K:Am N69:1 N68:1 N69:1", "K:Em N66:1 N71:1", "K:F")
    assert (found.notes, found.notes_in_key, found.tunes_in_key) == (5, 4, 1)


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_the_signature_of_a_key_is_seven_pitches_that_its_accidentals_name(fifths):
    natural = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))
    changed = Key(fifths).accidentals()
    named = {(pitch + changed.get(letter, 0)) % 12 for letter, pitch in natural.items()}
    assert Key(fifths).pitch_classes == named


def test_where_there_is_nothing_to_count_no_share_is_made_up():
    assert set(soundness([]).shares().values()) == {None}
    assert "bars full -" in str(counted("K:C N60:1"))


def test_a_bar_line_that_a_voice_has_not_reached_is_silence_in_the_score():
    score = score_of(["V:2", "N60:2", "N48:1", "|", "N60:2", "N48:2", "|"])
    assert [note.start for note in score.voices[1].notes] == [0, 2]
