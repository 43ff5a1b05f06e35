"""Scores into files, by the files' endings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnemonist.data.music.abc.write import write_abc
from mnemonist.data.music.midi import write_midi
from mnemonist.data.music.roll import piano_roll
from mnemonist.data.music.score import Score
from mnemonist.errors import DataError

__all__ = ["WRITTEN", "write_scores"]

WRITTEN = (".abc", ".mid", ".midi", ".png", ".svg", ".pdf")
"""The endings that `write_scores` knows."""


def write_scores(scores: Sequence[Score], target: str | Path) -> list[Path]:
    """Write scores as ABC, MIDI or pictures (piano rolls); `target`'s ending says as which.

    ABC takes all of them in one file. The other kinds hold one: several scores are written to
    `tune-1.mid`, `tune-2.mid`, and so on, numbered with as many digits as the last one needs.

    Returns:
        The files.

    Raises:
        DataError: no scores, another ending, or a score that cannot be written so.
        MissingExtraError: MIDI without mido.
    """
    target = Path(target)
    kind = target.suffix.lower()
    if kind not in WRITTEN:
        raise DataError(f"{target}: music is written to {', '.join(WRITTEN)}.")
    if not scores:
        raise DataError(f"there is no tune to be written to {target}.")
    if kind == ".abc":
        write_abc(scores, target)
        return [target]
    digits = len(str(len(scores)))
    paths = [
        target.with_stem(f"{target.stem}-{number:0{digits}d}") if len(scores) > 1 else target
        for number in range(1, len(scores) + 1)
    ]
    for score, path in zip(scores, paths, strict=True):
        if kind in (".mid", ".midi"):
            write_midi(score, path)
        else:
            _draw(score, path)
    return paths


def _draw(score: Score, path: Path) -> None:
    """The piano roll; the same score gives the same bytes."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "piano roll", "svg.fonttype": "none"}):
        figure = piano_roll(score)
        dated = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(path, metadata=dated[path.suffix.lower()])
