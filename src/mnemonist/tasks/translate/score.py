"""A trained translator beside the baselines, on pairs of the test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from mnemonist.data.parallel import ParallelSet
from mnemonist.evaluation.resampling import PairedBootstrap, paired_bootstrap
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.evaluation.translation import TranslationScore, exact_match, translation_scores
from mnemonist.evaluation.translation_baselines import TranslationBaseline
from mnemonist.evaluation.verdicts import Tone, tone, verdict
from mnemonist.tasks.translate.predictor import Predictor, Translation

__all__ = ["Evaluation", "Exposure", "evaluate"]

METRICS = ("BLEU", "chrF2", "exact")


@dataclass(frozen=True)
class Exposure:
    """How much is lost where the network reads its own words in place of right ones.

    Args:
        forced, free: (T,) mean -ln p of the targets' tokens at each place, with the targets fed
            in, and with the network's own likeliest words.
        counts: (T,) how many targets have a token there.
    """

    forced: np.ndarray
    free: np.ndarray
    counts: np.ndarray

    @property
    def losses(self) -> tuple[float, float]:
        """Both over all tokens."""
        weights = self.counts / self.counts.sum()
        return float(self.forced @ weights), float(self.free @ weights)


@dataclass(frozen=True)
class Evaluation:
    """Results on n different sources of the test part.

    Args:
        table: the network and the baselines.
        verdict: one sentence.
        tone: "good", "even" or "bad": better, no matter, worse than the best baseline.
        best_baseline: its name.
        sources: the n texts.
        references: of each, one right translation or several.
        translations: the network's best of each.
        rivals: those of the best baseline.
        scores: the network's measures by name.
        rival_scores: the best baseline's.
        exposure: the gap between reading right words and one's own.
        test: paired bootstrap of the measure that decides, against the best baseline.
    """

    table: ResultTable
    verdict: str
    tone: Tone
    best_baseline: str
    sources: list[str]
    references: list[list[str]]
    translations: list[Translation]
    rivals: list[str]
    scores: dict[str, TranslationScore]
    rival_scores: dict[str, TranslationScore]
    exposure: Exposure
    test: PairedBootstrap

    def to_dict(self) -> dict[str, Any]:
        """What a program wants to know, as plain JSON values."""
        forced, free = self.exposure.losses
        return {
            "verdict": self.verdict,
            "table": self.table.to_dict(),
            "best_baseline": self.best_baseline,
            "signatures": {name: score.signature for name, score in self.scores.items()},
            "loss": {"teacher_forced": forced, "free_running": free, "gap": free - forced},
            "paired_bootstrap": {
                "difference": self.test.difference,
                "p_value": self.test.p_value,
                "sentences": self.test.count,
            },
        }


def evaluate(
    predictor: Predictor,
    baselines: Sequence[TranslationBaseline],
    test: ParallelSet,
    *,
    name: str,
) -> Evaluation:
    """The network and the baselines on pairs.

    Pairs with the same source are one test sentence with several right translations.

    Args:
        predictor: the trained network.
        baselines: fitted on the same training part.
        test: the pairs.
        name: of the network in the table.
    """
    right: dict[str, list[str]] = {}
    for source, target in zip(test.sources, test.targets, strict=True):
        right.setdefault(source, []).append(target)
    sources, references = list(right), list(right.values())
    translations = [best[0] for best in predictor.translate(sources)]
    said = {name: [one.text for one in translations]}
    said |= {one.name: one.translate(sources) for one in baselines}
    language = predictor.config.language
    scores = {who: _scores(texts, references, language) for who, texts in said.items()}
    rows = [
        Row(
            who,
            "network" if who == name else "baseline",
            {metric: score.value for metric, score in found.items()},
            {metric: score.interval() for metric, score in found.items()},
        )
        for who, found in scores.items()
    ]
    measure = predictor.config.measure
    assert measure is not None
    metrics = tuple(metric for metric in METRICS if metric in scores[name])
    table = ResultTable(rows, metrics, higher=metrics).sorted_by(measure)
    best = table.best(measure, "baseline")
    assert best is not None
    ours, rival = scores[name][measure], scores[best.name][measure]
    compared = paired_bootstrap(ours.statistics, rival.statistics, ours.measure)
    return Evaluation(
        table=table,
        verdict=verdict(
            name, ours.value, best.name, rival.value, metric=measure, higher=True, test=compared
        ),
        tone=tone(compared.difference > 0, compared),
        best_baseline=best.name,
        sources=sources,
        references=references,
        translations=translations,
        rivals=said[best.name],
        scores=scores[name],
        rival_scores=scores[best.name],
        exposure=_exposure(predictor, test),
        test=compared,
    )


def _scores(
    texts: list[str], references: list[list[str]], language: str | None
) -> dict[str, TranslationScore]:
    """The measures; exact match alone where sacrebleu is not installed."""
    if find_spec("sacrebleu") is None:
        return {"exact": exact_match(texts, references)}
    return translation_scores(texts, references, language=language)


def _exposure(predictor: Predictor, test: ParallelSet) -> Exposure:
    forced, counts = predictor.losses(test.sources, test.targets, forcing=1.0)
    free, _ = predictor.losses(test.sources, test.targets, forcing=0.0)
    return Exposure(forced / counts, free / counts, counts)
