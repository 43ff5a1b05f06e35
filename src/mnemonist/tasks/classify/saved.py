"""Finished runs: their networks loaded again, with their own data or with others."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mnemonist.data.findings import raise_fatal
from mnemonist.data.labelled import LabelledConfig, LabelledSet
from mnemonist.data.labelled.check import unseen_labels
from mnemonist.data.labelled.config import ItemKind
from mnemonist.errors import DataError
from mnemonist.tasks.classify.job import ClassifyPlan, predictions_table
from mnemonist.tasks.classify.plan import Source, plan, read
from mnemonist.tasks.classify.predictor import Predictor, load_predictor
from mnemonist.tasks.common.saved import check_unchanged, maker_of, run_of, sources_of

__all__ = ["classified", "opened", "tested_on"]


def opened(
    run: str | Path, source: Source | None = None, *, cell: str | None = None
) -> tuple[ClassifyPlan, Predictor]:
    """A finished run with its own test part, or with labelled items of another source.

    Args:
        run: the run folder.
        source: other items; by default the test part of the data that it was trained on.
        cell: "module:Class" of a user's own cell, where it has no program.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the data are not there, have changed or do not fit.
    """
    folder = run_of(run, "classify")
    predictor = load_predictor(folder, cell=cell)
    config = predictor.config
    made = plan(sources_of(folder), config, cell=maker_of(folder, config, cell))
    check_unchanged(made, folder)
    return made if source is None else tested_on(made, source), predictor


def tested_on(made: ClassifyPlan, source: Source) -> ClassifyPlan:
    """The plan with the labelled items of another source as its test part.

    Raises:
        DataError: they cannot be used, or have labels that training lacks.
    """
    test, train = read(source, made.config.data), made.parts.train
    raise_fatal([*test.findings, *unseen_labels(train, test)])
    test = fitting(test, train.kind, len(train.channels)).with_classes(train.classes)
    return replace(made, parts=replace(made.parts, test=test))


def classified(
    run: str | Path, source: Source | None = None, *, cell: str | None = None
) -> pd.DataFrame:
    """A row for each item of a source: its class and the probability of every class.

    Args:
        run: the run folder.
        source: items without labels, or with some that are not looked at; see `load_labelled`;
            by default the lines of standard input.
        cell: "module:Class" of a user's own cell, where it has no program.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: items of another kind than the network reads.
    """
    folder = run_of(run, "classify")
    predictor = load_predictor(folder, cell=cell)
    kind = folder.load_json("data.json")["kind"]
    config = predictor.config.data.model_copy(update={"kind": kind})
    items = read(_lines(kind, config) if source is None else source, config, labelled=False)
    raise_fatal(items.findings)
    items = fitting(items, kind, predictor.encoder.width)
    return predictions_table(items, predictor.classes, predictor.probabilities(items.items))


def _lines(kind: ItemKind, config: LabelledConfig) -> LabelledSet:
    """The lines of standard input that are not empty, each an item."""
    if kind == "series":
        raise DataError("the network reads series, which lines of text are not: name a file")
    text = sys.stdin.read(config.max_bytes + 1)
    if len(text) > config.max_bytes:
        raise DataError(
            f"more than {config.max_bytes:,} characters are to be read: name a file in parts, or raise "
            "the bound (max_bytes)"
        )
    lines = [(at, line.strip()) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    items = LabelledSet.from_items([line for _, line in lines], kind=kind, name="standard input")
    return replace(items, lines=np.array([at for at, _ in lines], dtype=np.int64))


def fitting(items: LabelledSet, kind: str, channels: int) -> LabelledSet:
    """The items, if they are of the kind that a network reads.

    Raises:
        DataError: another kind, or another number of channels.
    """
    if items.kind != kind:
        raise DataError(f"{items.name} holds {items.kind}, and the network reads {kind}")
    if kind == "series" and len(items.channels) != channels:
        raise DataError(
            f"{items.name} has {len(items.channels)} channels ({', '.join(items.channels[:8])}), and "
            f"the network reads {channels}"
        )
    return items
