"""The Python face of language models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.data.text.lines import TextSource
from mnemonist.decoding.sampling import Sampler
from mnemonist.errors import ConfigError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.estimator import Estimator
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.job import LanguagePlan
from mnemonist.tasks.language.plan import plan
from mnemonist.tasks.language.predictor import Predictor, Scored, load_predictor
from mnemonist.tasks.language.rerank import Hypothesis, Reranked, rerank, tune_weight
from mnemonist.tasks.language.saved import evaluate_on
from mnemonist.tasks.language.score import Evaluation

__all__ = ["LanguageModel"]


class LanguageModel(Estimator[LanguageConfig, Predictor, Evaluation]):
    """Predicts a text token by token with a recurrent network, beside n-grams.

    >>> lines = ["the cat sat on the mat", "the dog sat on the log"] * 20
    >>> model = LanguageModel(cell="gru", mode="sentences", hidden_size=16, epochs=2).fit(lines)
    >>> known, strange = model.score(["the cat sat", "zzz qqq xxx"])
    >>> known.bits < strange.bits
    True
    >>> len(model.sample(seed=1, length=20)) <= 20
    True

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of `LanguageConfig`, `TextConfig` or `TrainingConfig`, by its own
            name: tokens, mode, steps, hidden_size, tie, epochs, seed, ...

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    job = "language"
    configuration = LanguageConfig

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Bits, perplexity and the surprisal of every token of sentences, each on its own.

        Args:
            texts: one line each.
        """
        return self._fitted().score(texts)

    def surprisal(self, text: str) -> list[tuple[str, float]]:
        """Every token of a sentence with its surprisal in bits, "<eos>" last."""
        (found,) = self.score([text])
        return list(zip(found.tokens, found.surprisal.tolist(), strict=True))

    def sample(
        self,
        prompt: str = "",
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        length: int = 500,
        lines: int | None = None,
    ) -> str:
        """A text that goes on from a prompt; <unk> is never drawn.

        Args:
            prompt: what the network reads first; not part of the result.
            temperature, top_k, top_p: as `Sampler` takes them.
            seed: same seed, same text.
            length: the most tokens.
            lines: stop after so many lines; by default after one where the network knows lines
                only, and at `length` in streams.
        """
        predictor = self._fitted()
        unk = predictor.vocabulary.unk
        sampler = Sampler(temperature, top_k, top_p, banned=() if unk is None else (unk,))
        ids = predictor.sample(prompt, sampler=sampler, seed=seed, length=length, lines=lines)
        return predictor.text(ids, prompt)

    def rerank(
        self,
        lists: Sequence[Sequence[Hypothesis]],
        *,
        weight: float | None = None,
        dev: Sequence[Sequence[Hypothesis]] | None = None,
    ) -> list[Reranked]:
        """N-best lists ordered by score + weight · ln p.

        Args:
            lists: of hypotheses.
            weight: of the language model.
            dev: lists with references by which the weight is tuned instead.

        Raises:
            ConfigError: neither a weight nor lists to tune it by, or both.
        """
        predictor = self._fitted()
        if (weight is None) == (dev is None):
            raise ConfigError("rerank needs a weight, or dev lists to tune it by; give one of them")
        if weight is None:
            weight, _ = tune_weight(predictor, dev or [])
        return rerank(predictor, lists, weight)

    def evaluate(self, source: TextSource | None = None) -> Evaluation:
        """Results beside the baselines, on the test part or on all of another text.

        Raises:
            ConfigError: this model was loaded, and has no training text to count n-grams on.
        """
        trained = self._done()
        if source is None:
            return trained.evaluation
        return evaluate_on(trained.plan, trained.predictor, source)

    def vector(self, token: str) -> np.ndarray:
        """The embedding of a token, (E,).

        Raises:
            ConfigError: the vocabulary lacks it.
        """
        predictor = self._fitted()
        number = predictor.vocabulary.number(token)
        if number is None:
            raise ConfigError(f"the vocabulary has no token {token!r}")
        return predictor.model.embedding.weight[number].detach().cpu().numpy()

    def _plan(self, source: TextSource, config: LanguageConfig, cell: Maker | None) -> LanguagePlan:
        return plan(source, config, cell=cell)

    @classmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> Predictor:
        return load_predictor(folder, cell=cell)
