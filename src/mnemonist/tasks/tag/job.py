"""Tagging as a job: what is trained, measured and kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnemonist.data.tags import Sentence, TaggedSet, TaggedSplit, as_columns
from mnemonist.data.text import Tokenizer
from mnemonist.evaluation.taggers import Tagger
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.report import Report
from mnemonist.tasks.common.flow import PARTS, Plan, Trained
from mnemonist.tasks.tag import text
from mnemonist.tasks.tag.encoding import Encoder, Tagset
from mnemonist.tasks.tag.model import TaggerModel, TagObjective, build
from mnemonist.tasks.tag.predictor import Predictor, batches, load_predictor
from mnemonist.tasks.tag.score import DECIDES, Evaluation, evaluate, fit_baselines, words_of
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.loop import fit
from mnemonist.training.progress import Progress
from mnemonist.training.rng import seed_everything

__all__ = ["TagPlan", "TrainedTagger"]

TrainedTagger = Trained[Predictor, Evaluation]


@dataclass(frozen=True)
class TagPlan(Plan[Predictor, Evaluation]):
    """What a training of a tagger will do.

    Args:
        parts: for training, validation and test.
        encoder: learnt on the training part.
        tagset: the tags of the training part.
        tokenizer: cuts texts that are to be tagged.
    """

    job = "tag"
    parts: TaggedSplit
    encoder: Encoder = field(repr=False)
    tagset: Tagset = field(repr=False)
    tokenizer: Tokenizer

    @property
    def metric(self) -> str:
        return DECIDES[self.tagset.kind]

    def fingerprint(self) -> dict[str, Any]:
        return {part: _fingerprint(getattr(self.parts, part)) for part in PARTS}

    def network(self) -> TaggerModel:
        return build(self.config, self.encoder, self.tagset, self.cell)

    def learn(
        self, checkpoints: Checkpoints | None, progress: Progress
    ) -> tuple[Predictor, History]:
        config, parts = self.config, self.parts
        seed_everything(config.training.seed)
        model = self.network()
        valid = None
        if any(set(one.tags) <= set(self.tagset.tags) for one in parts.valid):
            valid = batches(parts.valid, self.encoder, self.tagset, config, learn=False)
        history = fit(
            model,
            TagObjective(),
            batches(parts.train, self.encoder, self.tagset, config, learn=True),
            valid,
            config.training,
            checkpoints=checkpoints,
            progress=progress,
        )
        return Predictor(config, self.tokenizer, self.encoder, self.tagset, model), history

    def restore(self, folder: RunFolder) -> Predictor:
        return load_predictor(folder)

    def baselines(self, progress: Progress) -> list[Tagger]:
        return fit_baselines(self.parts.train, seed=self.config.training.seed)

    def measure(self, predictor: Predictor, baselines: list[Tagger]) -> Evaluation:
        known = {word for one in self.parts.train for word in words_of(one, self.tagset)}
        name = text.network_name(self.config)
        return evaluate(predictor, baselines, self.parts.test, known=known, name=name)

    def predictions(self, trained: TrainedTagger) -> tuple[str, str]:
        given = zip(self.parts.test, trained.evaluation.tags, strict=True)
        lines = (as_columns(Sentence(one.tokens, one.tags), tuple(tags)) for one, tags in given)
        return "predictions.conll", "".join(lines)

    def report(self, trained: TrainedTagger) -> Report:
        from mnemonist.tasks.tag.report import build_report

        return build_report(trained)

    def header(self) -> list[tuple[str, str]]:
        return text.header(self)

    def next_commands(self, run: Path | None) -> list[str]:
        return text.next_commands(self, run)


def _fingerprint(data: TaggedSet) -> dict[str, Any]:
    """How many sentences, and a hash of their tokens and tags."""
    content = hashlib.sha256()
    for one in data:
        content.update("\n".join([*one.tokens, "", *one.tags, "", ""]).encode("utf-8", "replace"))
    return {"sentences": len(data), "sha256": content.hexdigest()}
