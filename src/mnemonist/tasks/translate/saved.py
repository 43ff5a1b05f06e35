"""Finished runs: their networks loaded again, with their own data or with others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mnemonist.data.findings import raise_fatal
from mnemonist.tasks.common.saved import check_unchanged, maker_of, run_of, sources_of
from mnemonist.tasks.translate.job import TranslatePlan
from mnemonist.tasks.translate.plan import Source, plan, read
from mnemonist.tasks.translate.predictor import Predictor, Translation, load_predictor

__all__ = ["opened", "tested_on", "translated"]

_AT_ONCE = 512


def opened(
    run: str | Path,
    source: Source | None = None,
    *,
    target_file: str | None = None,
    cell: str | None = None,
) -> tuple[TranslatePlan, Predictor]:
    """A finished run with its own test part, or with pairs of another source.

    Args:
        run: the run folder.
        source: other pairs; by default the test part of the data that it was trained on.
        target_file: their targets, where they have a file of their own.
        cell: "module:Class" of a user's own cell, where it has no program.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the data are not there, have changed or do not fit.
    """
    folder = run_of(run, "translate")
    predictor = load_predictor(folder, cell=cell)
    config = predictor.config
    (recorded,) = sources_of(folder)
    maker = maker_of(folder, config, cell)
    made = plan(recorded, config, cell=maker, sides=predictor.sides)
    check_unchanged(made, folder)
    if source is not None:
        made = tested_on(made, source, target_file=target_file)
    return made, predictor


def tested_on(made: TranslatePlan, source: Source, *, target_file: str | None) -> TranslatePlan:
    """The plan with the pairs of another source as its test part.

    Args:
        made: the plan.
        source: the pairs.
        target_file: their targets, where they have a file of their own.

    Raises:
        DataError: they cannot be used.
    """
    files = made.config.data.model_copy(update={"target_file": target_file})
    test, findings = read(source, files)
    raise_fatal(findings)
    return replace(made, parts=replace(made.parts, test=test))


def translated(
    predictor: Predictor, lines: Iterable[str], *, beam: int | None = None, n_best: int = 1
) -> Iterator[tuple[str, list[Translation]]]:
    """Each line and its best translations, some hundred lines at a time.

    Args:
        predictor: the network.
        lines: as many as one likes; an empty one has the empty translation.
        beam, n_best: as in `Predictor.translate`.
    """
    waiting = iter(lines)
    while some := list(islice(waiting, _AT_ONCE)):
        yield from zip(some, predictor.translate(some, beam=beam, n_best=n_best), strict=True)
