"""What to know about a collection of music before a model is trained on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mnemonist.data.findings import Finding, by_severity, some
from mnemonist.data.music.folder import read_scores
from mnemonist.data.music.score import Score, note_name
from mnemonist.data.music.transpose import melody

__all__ = ["audit", "check_music"]

_PIANO = (21, 108)
_LONG = 5000


def check_music(source: str | Path, *, encoding: str | None = None) -> list[Finding]:
    """The findings about a file of music or a folder of them, the fatal ones first.

    Fatal are files and tunes that cannot be read; warnings tell of bars that do not add up to the
    metre, voices of unequal length, pitches beyond a piano's, very long pieces; notes of tunes that
    occur twice, fields that ABC does not know, drums left out.

    Raises:
        DataError: no such file or folder, or no music in it.
    """
    findings: list[Finding] = []
    scores: list[tuple[str, Score]] = []
    for path, read, said in read_scores(source, encoding=encoding):
        findings += said
        scores += [(str(path), score) for score in read]
    findings += audit(scores)
    return by_severity(findings)


def audit(scores: Iterable[tuple[str, Score]]) -> list[Finding]:
    """The findings about scores that could be read, each given with the name of its source.

    >>> from mnemonist.data.music import score_of
    >>> low = score_of(["N3:1"])
    >>> [finding.code for finding in audit([("a.mid", low), ("b.mid", low)])]
    ['pitch-range', 'pitch-range', 'duplicate-tunes']
    """
    findings: list[Finding] = []
    homes: dict[int, list[str]] = {}
    for name, score in scores:
        findings += _one(name, score)
        homes.setdefault(hash(melody(score)), []).append(f"'{score.title or name}'")
    twice = [names for names in homes.values() if len(names) > 1]
    if twice:
        extra = sum(len(names) - 1 for names in twice)
        listed = some((" = ".join(names[:2]) for names in twice), len(twice))
        message = (
            f"{extra} tunes have the notes of an earlier one, in this key or another: {listed}"
        )
        remedy = "leave repeated tunes out, or a test will hold what was trained on"
        findings.append(Finding("note", "duplicate-tunes", message, remedy=remedy))
    return findings


def _one(name: str, score: Score) -> Iterator[Finding]:
    label = score.title or "the piece"
    pitches = [note.pitch for voice in score.voices for note in voice.notes]
    low, high = min(pitches, default=60), max(pitches, default=60)
    if low < _PIANO[0] or high > _PIANO[1]:
        message = (
            f"{label}: pitches from {note_name(low)} to {note_name(high)}, beyond a piano's "
            f"({note_name(_PIANO[0])} to {note_name(_PIANO[1])})"
        )
        yield Finding("warning", "pitch-range", message, name, remedy="transpose it by octaves")
    if len(pitches) > _LONG:
        message = f"{label}: {len(pitches):,} notes, more than {_LONG:,}"
        remedy = "cut it into movements, or train on streams instead of whole tunes"
        yield Finding("warning", "very-long", message, name, remedy=remedy)
