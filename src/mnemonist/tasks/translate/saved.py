"""Finished runs: their networks loaded again, with their own data or with others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mnemonist.data.findings import raise_fatal
from mnemonist.data.parallel import ParallelSet
from mnemonist.errors import DataError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.flow import maker_of, run_of
from mnemonist.tasks.common.programs import Maker, named_cell
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.job import TranslatePlan
from mnemonist.tasks.translate.plan import Source, plan, read
from mnemonist.tasks.translate.predictor import Predictor, Translation, load_predictor

__all__ = ["opened", "predictor_of", "tested_on", "translated"]

_AT_ONCE = 512


def predictor_of(run: str | Path, *, cell: str | None = None) -> tuple[Predictor, RunFolder]:
    """The network of a finished run, and its folder.

    Args:
        run: the run folder.
        cell: "module:Class" of a user's own cell, where it has no program.

    Raises:
        RunFolderError: no finished run, or a damaged one.
    """
    folder = run_of(run, "translate")
    return load_predictor(folder, cell=named_cell(cell)), folder


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
        cell: as in `predictor_of`.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the data are not there, have changed or do not fit.
    """
    predictor, folder = predictor_of(run, cell=cell)
    config = predictor.config
    maker: Maker = named_cell(cell) or maker_of(folder, config)
    recorded = folder.load_json("data.json")
    if not Path(recorded["source"]).exists():
        raise DataError(
            f"{folder.path} was trained on {recorded['source']}, which is not there; the baselines "
            "need it"
        )
    made = plan(recorded["source"], config, cell=maker, sides=predictor.sides)
    if made.fingerprint() != recorded["fingerprint"]:
        raise DataError(
            f"{made.source_name} has changed since {folder.path} was trained on it: restore it, or "
            "train anew"
        )
    if source is not None:
        test = tested_on(source, config, target_file=target_file)
        made = replace(made, parts=replace(made.parts, test=test))
    return made, predictor


def tested_on(source: Source, config: TranslateConfig, *, target_file: str | None) -> ParallelSet:
    """Pairs of another source as a test part; their targets in `target_file`, if not in it.

    Raises:
        DataError: they cannot be used.
    """
    pairs, findings = read(source, config.data.model_copy(update={"target_file": target_file}))
    raise_fatal(findings)
    return pairs


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
