"""The same music in other keys."""

from __future__ import annotations

from mnemonist.data.music.key import Key
from mnemonist.data.music.score import Score
from mnemonist.errors import DataError

__all__ = ["in_common_key", "melody", "transposed"]


def transposed(score: Score, semitones: int) -> Score:
    """The score so much higher, key signature and all.

    Raises:
        DataError: a note would leave the MIDI pitches 0-127.

    >>> from mnemonist.data.music import score_of, tokens_of
    >>> tokens_of(transposed(score_of(["K:Dm", "N62:1"]), -2))
    ['K:Cm', 'N60:1']
    """
    pitches = [note.pitch for voice in score.voices for note in voice.notes]
    if pitches and not 0 <= min(pitches) + semitones <= max(pitches) + semitones <= 127:
        raise DataError(
            f"{semitones:+d} semitones take the pitches {min(pitches)}-{max(pitches)} out of 0-127."
        )
    return score.with_pitches(semitones, score.key.transposed(semitones))


def in_common_key(score: Score) -> Score:
    """The score moved, by at most six semitones, to the key of its mode without sharps or flats.

    Major goes to C, minor to A, dorian to D: one key for each mode, so that a model learns a
    degree of the scale once and not twelve times.

    >>> from mnemonist.data.music import score_of, tokens_of
    >>> tokens_of(in_common_key(score_of(["K:Edor", "N64:1"])))
    ['K:Ddor', 'N62:1']
    """
    up = -7 * score.key.fifths % 12
    shift = up if up < 6 else up - 12
    return transposed(score, shift) if shift else score.with_pitches(0, Key(0, score.key.mode))


def melody(score: Score) -> tuple[object, ...]:
    """What stays of a score in every key: times and intervals; equal for equal tunes.

    >>> from mnemonist.data.music import score_of
    >>> melody(score_of(["N60:1", "N62:1"])) == melody(score_of(["N70:1", "N72:1"]))
    True
    """
    notes = [note for voice in score.voices for note in voice.notes]
    lowest = min((note.pitch for note in notes), default=0)
    return tuple((note.start, note.duration, note.pitch - lowest) for note in notes)
