"""The Python face of translation, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.estimator import Estimator
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.job import TranslatePlan
from mnemonist.tasks.translate.plan import Source, plan
from mnemonist.tasks.translate.predictor import Predictor, Translation, load_predictor
from mnemonist.tasks.translate.saved import tested_on
from mnemonist.tasks.translate.score import Evaluation

__all__ = ["Translator"]


class Translator(Estimator[TranslateConfig, Predictor, Evaluation]):
    """Turns texts into other texts, and says whether a network was worth it.

    >>> from mnemonist.data.parallel import ParallelSet
    >>> pairs = ParallelSet.from_pairs([(f"{k:03}", f"{k:03}"[::-1]) for k in range(60)])
    >>> translator = Translator(cell="gru", hidden_size=8, epochs=1).fit(pairs)
    >>> len(translator.predict(["012", "345"]))
    2

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of `TranslateConfig`, `ParallelConfig` or `TrainingConfig`, by its
            own name: source_tokens, attention, hidden_size, epochs, seed, ...

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    job = "translate"
    configuration = TranslateConfig

    def predict(self, sources: Sequence[str], *, beam: int | None = None) -> list[str]:
        """The best translation of each source.

        Args:
            sources: n texts.
            beam: hypotheses that the search keeps; the configuration's when None.
        """
        return [best[0].text for best in self.translate(sources, beam=beam)]

    def translate(
        self, sources: Sequence[str], *, beam: int | None = None, n_best: int = 1
    ) -> list[list[Translation]]:
        """The n best translations of each source with their scores, the best first.

        Args:
            sources: n texts.
            beam: hypotheses that the search keeps; the configuration's when None.
            n_best: how many of each; fewer where the search finds fewer.

        Raises:
            ShapeError: one text in place of a list of them.
        """
        if isinstance(sources, str):
            raise ShapeError(f"one text was given: a list of texts is expected, [{sources[:20]!r}]")
        return self._fitted().translate(list(sources), beam=beam, n_best=n_best)

    def attention(
        self, source: str, translation: str | None = None
    ) -> tuple[list[str], list[str], np.ndarray]:
        """What the network looks at in a source as it writes a translation.

        Args:
            source: a text.
            translation: any text of the target; the network's own when None.

        Returns:
            S tokens of the source and T of the translation, the ends among them, and the
            weights (T, S), of which each row sums to 1.

        Raises:
            ConfigError: the network has no attention.
        """
        fitted = self._fitted()
        if fitted.config.attention == "none":
            raise ConfigError("this network has no attention: train one with attention='additive'")
        tokens = (
            fitted.translate([source])[0][0].tokens
            if translation is None
            else fitted.sides.target.tokens(translation)
        )
        return fitted.attention(source, tokens)

    def evaluate(self, source: Source | None = None) -> Evaluation:
        """Results beside the baselines, on the test part of `fit` or on other pairs.

        Raises:
            ConfigError: a translator that was loaded has no data to train the baselines on.
            DataError: pairs that cannot be used.
        """
        if self._trained is None:
            raise ConfigError(
                "a translator that was loaded has no training part for the baselines: use "
                "`mnemonist eval translate RUN FILE`"
            )
        if source is None:
            return self._trained.evaluation
        made = tested_on(self._trained.plan, source, target_file=None)
        return made.evaluation_of(self._fitted())

    def _plan(self, source: Source, config: TranslateConfig, cell: Maker | None) -> TranslatePlan:
        return plan(source, config, cell=cell)

    @classmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> Predictor:
        return load_predictor(folder, cell=cell)
