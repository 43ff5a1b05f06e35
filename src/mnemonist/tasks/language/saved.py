"""Finished runs: their networks loaded again, with their own text or another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnemonist.data.text import TokenCorpus
from mnemonist.data.text.lines import TextSource
from mnemonist.errors import DataError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.saved import maker_of, run_of, sources_of
from mnemonist.tasks.common.text import name_of
from mnemonist.tasks.language.job import LanguagePlan
from mnemonist.tasks.language.plan import plan
from mnemonist.tasks.language.predictor import Predictor, load_predictor
from mnemonist.tasks.language.resolve import read_text
from mnemonist.tasks.language.score import Evaluation, evaluate
from mnemonist.training.progress import Silent

__all__ = ["evaluate_on", "opened", "planned_again"]


def opened(run: str | Path, *, cell: str | None = None) -> tuple[LanguagePlan, Predictor]:
    """A finished run with the text that it was trained on.

    Args:
        run: the run folder.
        cell: "module:Class" of a user's own cell, where a program is not enough.

    Raises:
        RunFolderError: no finished run, or a damaged one.
        DataError: the text is not there, or is another by now.
    """
    folder = run_of(run, "language")
    predictor = load_predictor(folder, cell=cell)
    return planned_again(folder, predictor, cell=cell), predictor


def planned_again(
    folder: RunFolder, predictor: Predictor, *, cell: str | None = None
) -> LanguagePlan:
    """The plan of a finished run whose network is loaded; see `opened`."""
    (text,) = sources_of(
        folder,
        ", and its n-grams are what the network is measured against: put it back, or call from the "
        "same folder",
    )
    maker = maker_of(folder, predictor.config, cell)
    known = (predictor.tokenizer, predictor.vocabulary)
    made = plan(text, predictor.config, cell=maker, known=known)
    before = folder.load_json("data.json")["fingerprint"]["content"]
    if made.resolved.corpus.content != before:
        raise DataError(
            f"{made.source_name} is not the text that {folder.path} was trained on: it was changed "
            "since, so that its parts and the baselines' counts would be others"
        )
    return made


def evaluate_on(made: LanguagePlan, predictor: Predictor, source: TextSource) -> Evaluation:
    """The network and the baselines on another text, all of it.

    Args:
        made: of the run, with the text that the baselines count.
        predictor: the network.
        source: the other text.

    Raises:
        DataError: it cannot be read.
    """
    other = TokenCorpus.build(
        read_text(source, predictor.config.text), predictor.tokenizer, predictor.vocabulary
    )
    baselines = made.baselines(Silent())
    before = np.empty(0, dtype=np.int64)
    return evaluate(predictor, baselines, other, before, name=name_of(predictor.config))
