"""The Python face of tagging, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from collections.abc import Sequence

from mnemonist.data.tags import Sentence
from mnemonist.errors import ConfigError, DataError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.estimator import Estimator
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.job import TagPlan
from mnemonist.tasks.tag.plan import Source, plan
from mnemonist.tasks.tag.predictor import Predictor, load_predictor
from mnemonist.tasks.tag.saved import tested_on
from mnemonist.tasks.tag.score import Evaluation

__all__ = ["SequenceTagger"]


class SequenceTagger(Estimator[TagConfig, Predictor, Evaluation]):
    """Gives every token its tag: parts of speech, words of Chinese, names of persons and places.

    >>> lines = ["the/D dog/N ran/V", "a/D cat/N sat/V", "the/D cat/N ran/V"] * 10
    >>> tagger = SequenceTagger(cell="gru", hidden_size=8, epochs=2)
    >>> [one] = tagger.fit(lines).predict(["The dog sat"])
    >>> one.tokens, len(one.tags)
    (('The', 'dog', 'sat'), 3)

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of `TagConfig`, `TagsConfig` or `TrainingConfig`, by its own name:
            entities, units, crf, hidden_size, epochs, seed, ...

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        tags_: the tags, in the order of their numbers.
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    job = "tag"
    configuration = TagConfig

    @property
    def tags_(self) -> tuple[str, ...]:
        return self._fitted().tagset.tags

    def predict(self, texts: Sequence[str] | Sequence[Sequence[str]]) -> list[Sentence]:
        """Tagged sentences, one for each text.

        Args:
            texts: strings, which are cut into tokens as in training, or lists of tokens.

        Returns:
            Tokens, tags, and the offsets of the tokens in the text where it was one. Where the
            tags of characters say where words end, the tokens are these words.

        Raises:
            DataError: one text instead of a list of them.
        """
        if isinstance(texts, str):
            raise DataError(f"one text was given: a list of texts is expected, [{texts[:20]!r}]")
        predictor = self._fitted()
        return predictor.tag(
            [
                predictor.sentence(one)
                if isinstance(one, str)
                else Sentence(tuple(one), ("",) * len(one))
                for one in texts
            ]
        )

    def evaluate(self, source: Source | None = None) -> Evaluation:
        """Results beside the baselines, on the test part of `fit` or on other tagged sentences.

        Raises:
            ConfigError: a tagger that was loaded has no data to train the baselines on.
        """
        if self._trained is None:
            raise ConfigError(
                "a tagger that was loaded has no training part for the baselines: use "
                "`mnemonist eval tag RUN FILE`"
            )
        if source is None:
            return self._trained.evaluation
        return tested_on(self._trained.plan, source).evaluation_of(self._fitted())

    def _plan(self, source: Source, config: TagConfig, cell: Maker | None) -> TagPlan:
        return plan(source, config, cell=cell)

    @classmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> Predictor:
        return load_predictor(folder, cell=cell)
