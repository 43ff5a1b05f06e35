"""Folders of music, and the text file of tokens that a language model is trained on."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mnemonist.data.findings import Finding
from mnemonist.data.music.abc.read import inspect_abc
from mnemonist.data.music.midi import inspect_midi
from mnemonist.data.music.musicxml import read_musicxml
from mnemonist.data.music.score import Score
from mnemonist.data.music.segments import chained
from mnemonist.data.music.token_file import inspect_token_lines
from mnemonist.data.music.tokens import quantised, tokens_of
from mnemonist.data.music.transpose import in_common_key, melody, transposed
from mnemonist.errors import DataError

__all__ = ["TokenLines", "read_scores", "write_token_lines"]

_MIDI = (".mid", ".midi")
_XML = (".mxl", ".musicxml", ".xml")
_READ = (".abc", *_MIDI, *_XML)
_TOKENS = ".txt"


def read_scores(
    source: str | Path, *, encoding: str | None = None, repeats: bool = True
) -> Iterator[tuple[Path, list[Score], list[Finding]]]:
    """Each file of music in a folder and its subfolders, by name: its scores and findings.

    A file that cannot be read gives a fatal finding and no scores; the others follow.

    Args:
        source: a folder, or one file: .abc, .mid, .midi, .mxl, .musicxml, .xml; or .txt, lines
            of tokens, which only a file of that name is taken for and none in a folder.
        encoding: of ABC and text, where it cannot be detected.
        repeats: play the repeats of ABC out; otherwise each part stands once.

    Raises:
        DataError: no such file or folder, no music in it, or a file of another kind.
    """
    source = Path(source)
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in _READ)
        if not paths:
            raise DataError(f"{source} holds no file of music ({', '.join(_READ)}).")
    else:
        paths = [source]
        if source.suffix.lower() not in (*_READ, _TOKENS):
            kinds = ", ".join((*_READ, _TOKENS))
            raise DataError(f"{source}: expected a folder, or a file {kinds}.")
    for path in paths:
        try:
            yield path, *_read(path, encoding, repeats)
        except DataError as error:
            if path is source:
                raise
            yield path, [], [Finding("fatal", "unreadable", str(error).rstrip("."))]


def _read(path: Path, encoding: str | None, repeats: bool) -> tuple[list[Score], list[Finding]]:
    if path.suffix.lower() == ".abc":
        return inspect_abc(path, encoding=encoding, repeats=repeats)
    if path.suffix.lower() == _TOKENS:
        return inspect_token_lines(path, encoding=encoding)
    if path.suffix.lower() in _MIDI:
        score, findings = inspect_midi(path)
        return [score], findings
    return [read_musicxml(path)], []


@dataclass
class TokenLines:
    """What `write_token_lines` wrote, and what it left out.

    Args:
        tunes: scores written, each `lines / tunes` times.
        repeated: scores left out as the notes had been written before.
        findings: what reading them said.
    """

    tunes: int = 0
    lines: int = 0
    tokens: int = 0
    repeated: int = 0
    findings: list[Finding] = field(default_factory=list)


def write_token_lines(
    source: str | Path,
    target: str | Path,
    *,
    common_key: bool = False,
    transpose: Iterable[int] = (0,),
    step: Fraction | None = None,
    unique: bool = True,
    repeats: bool = True,
    seed: int | None = None,
    encoding: str | None = None,
) -> TokenLines:
    """Write a tune on each line, as tokens between spaces: text for a language model of words.

    Tunes that cannot be read are left out and told. Voices whose notes overlap are split
    (`chained`). Split into training and test before tunes are transposed for more data: a tune in
    two keys is one tune.

    Args:
        source: as `read_scores` takes it.
        target: the text file (UTF-8), replaced where it exists.
        common_key: move every tune to C major, A minor, D dorian and so on first.
        transpose: semitones, one line for each; those that leave the MIDI range are left out.
        step: the grid in quarter notes for music that was played; None keeps times exact.
        unique: leave out tunes whose notes were written before, in this key or another.
        repeats: play the repeats of ABC out; otherwise each part stands once.
        seed: shuffle the tunes, as collections are often sorted by kind or book while a language
            model is tested on the last lines; by default they keep their order.
        encoding: of ABC and text, where it cannot be detected.

    Raises:
        DataError: as `read_scores`, or no tune that can be read.
    """
    done, seen, written = TokenLines(), set[int](), list[list[str]]()
    shifts = tuple(transpose)
    for path, scores, findings in read_scores(source, encoding=encoding, repeats=repeats):
        done.findings += findings
        for score in scores:
            notes = hash(melody(score))
            if unique and notes in seen:
                done.repeated += 1
                continue
            seen.add(notes)
            try:
                written.append(_lines(score, common_key, shifts, step))
            except DataError as error:
                text = f"{score.title}: {str(error).rstrip('.')}"
                done.findings.append(Finding("fatal", "unreadable", text, str(path)))
    if not written:
        first = f" {done.findings[0]}" if done.findings else ""
        raise DataError(f"{source}: no tune could be read.{first}")
    if seed is not None:
        random.Random(seed).shuffle(written)
    with Path(target).open("w", encoding="utf-8") as file:
        for lines in written:
            file.writelines(lines)
            done.tunes += bool(lines)
            done.lines += len(lines)
            done.tokens += sum(len(line.split()) for line in lines)
    return done


def _lines(
    score: Score, common_key: bool, shifts: tuple[int, ...], step: Fraction | None
) -> list[str]:
    score = chained(score if step is None else quantised(score, step))
    score = in_common_key(score) if common_key else score
    pitches = [note.pitch for voice in score.voices for note in voice.notes]
    fitting = [
        shift for shift in shifts if 0 <= min(pitches) + shift <= max(pitches) + shift <= 127
    ]
    return [" ".join(tokens_of(transposed(score, shift))) + "\n" for shift in fitting]
