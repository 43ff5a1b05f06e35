"""Finished runs: their networks loaded again, with their own data or with others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

from mnemonist.data.files import check_file
from mnemonist.data.tags import Scheme, Sentence, as_columns, as_json
from mnemonist.data.text import read_lines
from mnemonist.errors import DataError
from mnemonist.tasks.common.saved import check_unchanged, maker_of, run_of, sources_of
from mnemonist.tasks.tag.job import TagPlan
from mnemonist.tasks.tag.plan import Source, plan, read
from mnemonist.tasks.tag.predictor import Predictor, load_predictor

__all__ = ["Layout", "opened", "tagged", "tested_on", "written"]

Layout = Literal["slashed", "columns", "jsonl"]

_AT_ONCE = 256
_MAX_LINE = 1_000_000


def opened(
    run: str | Path, source: Source | None = None, *, cell: str | None = None
) -> tuple[TagPlan, Predictor]:
    """A finished run with its own test part, or with tagged sentences of another source.

    Args:
        run: the run folder.
        source: other sentences; by default the test part of the data that it was trained on.
        cell: "module:Class" of a user's own cell, where it has no program.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the data are not there, have changed or do not fit.
    """
    folder = run_of(run, "tag")
    predictor = load_predictor(folder, cell=cell)
    config = predictor.config
    (recorded,) = sources_of(folder)
    made = plan(recorded, config, cell=maker_of(folder, config, cell))
    check_unchanged(made, folder)
    return made if source is None else tested_on(made, source), predictor


def tested_on(made: TagPlan, source: Source) -> TagPlan:
    """The plan with the tagged sentences of another source as its test part.

    Raises:
        DataError: they cannot be used, or their tags are of another scheme.
    """
    test = read(source, made.config.data)[0]
    if test.scheme != made.tagset.scheme:
        raise DataError(
            f"{test.name} has tags of the scheme {test.scheme}, and the network was trained on "
            f"{made.tagset.scheme}"
        )
    return replace(made, parts=replace(made.parts, test=test))


def tagged(
    predictor: Predictor,
    source: str | Path | None,
    read_as: Literal["text", "columns"] = "text",
) -> Iterator[Sentence]:
    """The sentences of a file with their tags, in its order and in bounded memory.

    Args:
        predictor: the network.
        source: a file of any size; standard input when None.
        read_as: "text": each line that is not empty is a sentence. "columns": a token a line in
            the first column, a blank line after each sentence.

    Raises:
        DataError: no file, or a line that is too long.
    """
    lines = _standard_input() if source is None else _file(source)
    sentences = (
        _columns(lines, predictor)
        if read_as == "columns"
        else (replace(predictor.sentence(line), line=at) for at, line in lines if line.strip())
    )
    while some := list(islice(sentences, _AT_ONCE)):
        yield from predictor.tag(some)


def written(one: Sentence, layout: Layout, scheme: Scheme) -> str:
    """A tagged sentence as text, without the line break at its end.

    >>> one = Sentence(("我", "吃"), ("r", "v"), text="我吃", offsets=((0, 1), (1, 2)))
    >>> written(one, "slashed", "raw")
    '我/r 吃/v'
    """
    if layout == "slashed":
        return one.show()
    return as_columns(one).removesuffix("\n") if layout == "columns" else as_json(one, scheme)


def _columns(lines: Iterable[tuple[int, str]], predictor: Predictor) -> Iterator[Sentence]:
    characters = predictor.config.data.units == "characters"
    tokens: list[str] = []
    for at, line in _closed(lines):
        if line.strip():
            tokens.append(line.split()[0])
        elif tokens:
            one = (
                predictor.sentence("".join(tokens))
                if characters
                else Sentence(tuple(tokens), ("",) * len(tokens))
            )
            yield replace(one, line=max(at - len(tokens), 0))
            tokens = []


def _closed(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines and an empty one, so that the last sentence ends."""
    at = 0
    for at, line in lines:
        yield at, line
    yield at + 1, ""


def _file(path: str | Path) -> Iterator[tuple[int, str]]:
    check_file(Path(path), wanted="a file", content="sentences were")
    yield from read_lines(path, max_line=_MAX_LINE)


def _standard_input() -> Iterator[tuple[int, str]]:
    at = 0
    while line := sys.stdin.readline(_MAX_LINE + 1):
        at += 1
        if len(line) > _MAX_LINE:
            raise DataError(f"line {at} of standard input has more than {_MAX_LINE:,} characters")
        yield at, line.rstrip("\r\n")
