"""How far music keeps its own metre and key: of what a model draws, beside what it learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from mnemonist.data.music.tokens import read_tokens

__all__ = ["Soundness", "soundness"]


@dataclass
class Soundness:
    """Counts over tunes; the shares are None where there is nothing to count.

    Args:
        tunes: with notes or without.
        bars: between the first and the last one of a tune that has a metre; those two may be
            short by right (a pick-up, and what completes it).
        full_bars: those that last as the metre asks, all voices together at both of their lines.
        timed_tunes: tunes with such bars.
        full_tunes: those in which every one of them is full.
        notes: of all voices.
        notes_in_key: those whose pitch class is in the key signature.
        tunes_in_key: tunes with notes, all of them in the key signature.
    """

    tunes: int = 0
    bars: int = 0
    full_bars: int = 0
    timed_tunes: int = 0
    full_tunes: int = 0
    notes: int = 0
    notes_in_key: int = 0
    tunes_in_key: int = 0

    def shares(self) -> dict[str, float | None]:
        """`bars full`, `tunes with full bars`, `notes in key`, `tunes in key`."""
        pairs = {
            "bars full": (self.full_bars, self.bars),
            "tunes with full bars": (self.full_tunes, self.timed_tunes),
            "notes in key": (self.notes_in_key, self.notes),
            "tunes in key": (self.tunes_in_key, self.tunes),
        }
        return {name: part / of if of else None for name, (part, of) in pairs.items()}

    def to_dict(self) -> dict[str, object]:
        """Counts and shares as plain JSON values."""
        return {**asdict(self), "shares": self.shares()}

    def __str__(self) -> str:
        said = {name: "-" if x is None else f"{100 * x:.1f} %" for name, x in self.shares().items()}
        listed = ", ".join(f"{name} {share}" for name, share in said.items())
        return f"{self.tunes:,} tunes, {self.bars:,} bars, {self.notes:,} notes: {listed}"


def soundness(tunes: Iterable[Sequence[str]]) -> Soundness:
    """Whether bars add up and notes are in the key, counted over tunes of tokens.

    Music that people wrote is not free of such either (changes of metre, sevenths raised in minor
    keys), so that the figures of a model mean something beside those of its training tunes only.

    Raises:
        DataError: a token that is none of music.

    >>> print(soundness(["M:2/4 K:C N60:1 | N62:2 | N64:1 N66:2 | N60:1 |".split()]))
    1 tunes, 2 bars, 5 notes: bars full 50.0 %, tunes with full bars 0.0 %, notes in key 80.0 %, \
tunes in key 0.0 %
    """
    found = Soundness()
    for tokens in tunes:
        score, uneven = read_tokens(tokens)
        lines = score.bars[:-1]
        full = [
            late - early == score.bar_length and not uneven & {early, late}
            for early, late in pairwise(lines)
            if score.bar_length is not None
        ]
        pitches = [note.pitch for voice in score.voices for note in voice.notes]
        inside = sum(pitch % 12 in score.key.pitch_classes for pitch in pitches)
        found.tunes += 1
        found.bars += len(full)
        found.full_bars += sum(full)
        found.timed_tunes += bool(full)
        found.full_tunes += bool(full) and all(full)
        found.notes += len(pitches)
        found.notes_in_key += inside
        found.tunes_in_key += bool(pitches) and inside == len(pitches)
    return found
