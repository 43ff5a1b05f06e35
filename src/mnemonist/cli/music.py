"""``mnemonist music``: music to tokens for a language model, and what it draws to music again."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.cli.output import Output
from mnemonist.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnemonist.data.findings import Finding
    from mnemonist.data.music import Score, Soundness

__all__ = ["music"]

_LABELS = {"fatal": "left out"}  # a tune that cannot be read stops none of the others


def music(
    source: Path,
    target: Path | None = None,
    /,
    *,
    keys: bool = False,
    repeats: bool = False,
    grid: int | None = None,
    encoding: str | None = None,
    json: bool = False,
) -> None:
    """Turn music into lines of tokens, which language models learn, and back.

    The ending of TARGET says what is written: .txt a tune of tokens on each line, .abc or .mid
    music, .png, .svg or .pdf a piano roll. Without TARGET, say how far bars add up and notes are
    in the key.

    Args:
        source: a folder or a file of ABC, MIDI or MusicXML; or .txt, a tune of tokens a line.
        target: the file to write; several where it holds one tune each.
        keys: leave tunes in their keys in .txt, instead of moving each to C major, A minor,
            D dorian and so on.
        repeats: play repeats out in .txt, instead of writing each part once.
        grid: bring notes that were played onto so many steps a quarter note; 12 holds
            sixteenths and triplets.
        encoding: of ABC and text, where it cannot be detected.
        json: print one JSON object.

    Raises:
        ConfigError: a grid below 1.
        DataError: no music, or a target of another kind.
    """
    from mnemonist.data.music import soundness, tokens_of, write_scores

    output = Output(json)
    step = _step(grid)
    if target is not None and target.suffix.lower() == ".txt":
        _tokens(source, target, output, keys=keys, repeats=repeats, step=step, encoding=encoding)
        return
    scores, findings = _scores(source, step, encoding)
    written = write_scores(scores, target) if target is not None else []
    _tell(output, source, written, soundness(map(tokens_of, scores)), findings)


def _tokens(source: Path, target: Path, output: Output, *, keys: bool, **options: Any) -> None:
    """Write lines of tokens, and say how to go on."""
    from mnemonist.data.music import soundness, write_token_lines

    done = write_token_lines(source, target, common_key=not keys, seed=0, **options)
    with target.open(encoding="utf-8") as file:
        found = soundness(line.split() for line in file)
    again = f", {done.repeated:,} tunes left out that repeat another" if done.repeated else ""
    _tell(
        output,
        source,
        [target],
        found,
        done.findings,
        said=f": {done.tokens:,} tokens{again}",
        after=f"mnemonist train language {target} --tokens spaces --mode sentences",
        tokens=done.tokens,
        repeated=done.repeated,
    )


def _step(grid: int | None) -> Fraction | None:
    """A step of the grid in quarter notes."""
    if grid is None:
        return None
    if grid < 1:
        raise ConfigError(f"--grid {grid}: at least 1 step a quarter note; 12 is usual")
    return Fraction(1, grid)


def _scores(
    source: Path, step: Fraction | None, encoding: str | None
) -> tuple[list[Score], list[Finding]]:
    """All scores of a source, voices without overlap, and the findings."""
    from mnemonist.data.music import chained, quantised, read_scores

    scores: list[Score] = []
    findings: list[Finding] = []
    for _, read, said in read_scores(source, encoding=encoding):
        scores += [chained(score if step is None else quantised(score, step)) for score in read]
        findings += said
    if not scores:
        raise DataError(f"{source}: no tune could be read. {findings[0]}")
    return scores, findings


def _tell(
    output: Output,
    source: Path,
    written: Sequence[Path],
    found: Soundness,
    findings: Sequence[Finding],
    *,
    said: str = "",
    after: str = "",
    **more: int,
) -> None:
    """What was read, what was found in it, and what was written."""
    output.data(
        {
            "source": str(source),
            "written": [str(path) for path in written],
            **more,
            **found.to_dict(),
            "findings": [one.to_dict() for one in findings],
            "next": [after] if after else [],
        }
    )
    counts = Counter((one.severity, one.code) for one in findings)
    for (severity, code), count in counts.items():
        first = next(one for one in findings if (one.severity, one.code) == (severity, code))
        alike = f" (and {count - 1:,} more)" if count > 1 else ""
        output.line(f"{_LABELS.get(severity, severity):10} {first}{alike}")
    output.line(f"{'music':10} {found}")
    for path in written:
        output.line(f"{'written':10} {path}{said}")
    if after:
        output.line(f"{'next':10} {after}")
