"""How good a tagger is on the test part, beside every baseline, and what that amounts to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnemonist.data.tags import Scheme, Sentence, TaggedSet, parse_tag, repair, spans_of, to_words
from mnemonist.evaluation.entities import EntityScores, entity_scores
from mnemonist.evaluation.resampling import PairedBootstrap, interval_of_sums, paired_bootstrap
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.evaluation.taggers import MostFrequentTag, Tagger, WindowedPerceptron
from mnemonist.evaluation.verdicts import Tone, tone, verdict
from mnemonist.tasks.tag.encoding import Kind, Tagset
from mnemonist.tasks.tag.predictor import Predictor

__all__ = ["DECIDES", "Evaluation", "evaluate", "fit_baselines", "type_of", "words_of"]

DECIDES: dict[Kind, str] = {"tokens": "accuracy", "words": "word+tag F1", "spans": "F1"}
"""The metric that the verdict is about."""

Measure = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """Results on the test part.

    Args:
        table: the network and the baselines.
        verdict: one sentence.
        tone: "good", "even" or "bad": better, no matter, worse than the best baseline.
        best_baseline: its name.
        tags: of the network, for each sentence.
        sure: the probability of each of them.
        surprise: -ln p(tags) of each sentence; NaN where it has a tag that training lacks.
        scores: of the network by type, counted as conlleval does.
        confusions: how many tokens of one type were given another, by (true, given).
        test: paired bootstrap over sentences against the best baseline.
    """

    table: ResultTable
    verdict: str
    tone: Tone
    best_baseline: str
    tags: list[list[str]]
    sure: list[np.ndarray]
    surprise: np.ndarray
    scores: EntityScores
    confusions: Counter[tuple[str, str]]
    test: PairedBootstrap

    def to_dict(self) -> dict[str, Any]:
        """What a program wants to know, as plain JSON values."""
        test = self.test
        return {
            "verdict": self.verdict,
            "table": self.table.to_dict(),
            "best_baseline": self.best_baseline,
            "paired_bootstrap": {
                "difference": test.difference,
                "p_value": test.p_value,
                "sentences": test.count,
            },
            "types": self.scores.to_dict()["types"],
        }


def fit_baselines(train: TaggedSet, *, seed: int) -> list[Tagger]:
    """Fit every baseline on the training part."""
    tokens, tags = [one.tokens for one in train], [one.tags for one in train]
    taggers = (MostFrequentTag(), WindowedPerceptron(seed=seed))
    return [one.fit(tokens, tags) for one in taggers]


def evaluate(
    predictor: Predictor,
    baselines: Sequence[Tagger],
    test: TaggedSet,
    *,
    known: Collection[str],
    name: str,
) -> Evaluation:
    """The network and the baselines on tagged sentences.

    Args:
        predictor: the trained network.
        baselines: fitted on the same training part.
        test: the sentences.
        known: the words of the training part (see `words_of`).
        name: of the network in the table.
    """
    tagset = predictor.tagset
    tokens = [one.tokens for one in test]
    ours, sure = predictor.tags(tokens)
    given = {name: ours}
    for one in baselines:
        given[one.name] = [repair(tags, tagset.scheme) for tags in one.predict(tokens)]
    measured = {system: _statistics(test, tags, tagset, known) for system, tags in given.items()}
    rows = [
        _row(system, "network" if system == name else "baseline", statistics)
        for system, statistics in measured.items()
    ]
    decides = DECIDES[tagset.kind]
    metrics = tuple(measured[name])
    table = ResultTable(rows, metrics, higher=metrics).sorted_by(decides)
    best = table.best(decides, "baseline")
    assert best is not None
    measure = measured[name][decides][1]
    compared = paired_bootstrap(
        measured[name][decides][0], measured[best.name][decides][0], measure
    )
    return Evaluation(
        table=table,
        verdict=verdict(
            name,
            rows[0].values[decides],
            best.name,
            best.values[decides],
            metric=decides,
            higher=True,
            test=compared,
        ),
        tone=tone(compared.difference > 0, compared),
        best_baseline=best.name,
        tags=ours,
        sure=sure,
        surprise=predictor.surprise(test),
        scores=entity_scores([one.tags for one in test], ours, tagset.scheme),
        confusions=Counter(
            (type_of(true, tagset.scheme), type_of(found, tagset.scheme))
            for one, tags in zip(test, ours, strict=True)
            for true, found in zip(one.tags, tags, strict=True)
        ),
        test=compared,
    )


def words_of(one: Sentence, tagset: Tagset) -> list[str]:
    """The words of a sentence: its tokens, or what its tags cut from them."""
    if tagset.kind != "words":
        return list(one.tokens)
    return to_words(one.tokens, one.tags, tagset.scheme)[0]


def _row(name: str, kind: Any, statistics: dict[str, tuple[np.ndarray, Measure]]) -> Row:
    """Each measure a function of sums over the sentences, with its interval."""
    values, intervals = {}, {}
    for metric, (sums, measure) in statistics.items():
        if sums.sum():
            values[metric] = float(measure(sums.sum(0, keepdims=True))[0])
            intervals[metric] = interval_of_sums(sums, measure)
    return Row(name, kind, values, intervals)


def _statistics(
    test: TaggedSet, given: list[list[str]], tagset: Tagset, known: Collection[str]
) -> dict[str, tuple[np.ndarray, Measure]]:
    """Of each metric the counts (n, S) of the sentences, and the measure of their sums."""
    pairs = list(zip(test, given, strict=True))
    scheme, kind = tagset.scheme, tagset.kind
    right = _counts(sum(map(_same, one.tags, tags)) for one, tags in pairs)
    size = _counts(len(one) for one, _ in pairs)
    exact = np.stack([right == size, np.ones_like(size)], 1), _share
    if kind == "tokens":
        fresh = [_unseen(one, tags, known) for one, tags in pairs]
        return {
            "accuracy": (np.stack([right, size], 1), _share),
            "unseen tokens": (np.array(fresh, dtype=float), _share),
            "whole sentences": exact,
        }
    spans = [(spans_of(one.tags, scheme), spans_of(tags, scheme)) for one, tags in pairs]
    both = np.array([_found(true, found) for true, found in spans], dtype=float)
    if kind == "spans":
        return {
            "F1": (both, _f1),
            "precision": (both[:, [2, 1]], _share),
            "recall": (both[:, [2, 0]], _share),
            "accuracy": (np.stack([right, size], 1), _share),
        }
    ends = [([(a, b) for a, b, _ in true], [(a, b) for a, b, _ in found]) for true, found in spans]
    types = _counts(
        sum(parse_tag(a)[1] == parse_tag(b)[1] for a, b in zip(one.tags, tags, strict=True))
        for one, tags in pairs
    )
    fresh = [
        _recalled(one, true, set(found), known)
        for (one, _), (true, found) in zip(pairs, spans, strict=True)
    ]
    return {
        "word+tag F1": (both, _f1),
        "word F1": (np.array([_found(*one) for one in ends], dtype=float), _f1),
        "tag accuracy": (np.stack([types, size], 1), _share),
        "unseen words": (np.array(fresh, dtype=float), _share),
    }


def _share(sums: np.ndarray) -> np.ndarray:
    """(right, all) to right / all."""
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


def _f1(sums: np.ndarray) -> np.ndarray:
    """(gold, predicted, correct) to 2 correct / (gold + predicted)."""
    return 2 * sums[:, 2] / np.maximum(sums[:, 0] + sums[:, 1], 1)


def _found(true: Sequence[Any], found: Sequence[Any]) -> tuple[int, int, int]:
    return len(true), len(found), len(set(true).intersection(found))


def _unseen(one: Sentence, tags: list[str], known: Collection[str]) -> tuple[int, int]:
    """Of the tokens that training lacks: how many have the right tag, and how many there are."""
    new = [
        a == b for token, a, b in zip(one.tokens, one.tags, tags, strict=True) if token not in known
    ]
    return sum(new), len(new)


def _recalled(
    one: Sentence, true: Sequence[Any], found: set[Any], known: Collection[str]
) -> tuple[int, int]:
    """Of the words that training lacks: how many were found with their tag, and how many."""
    new = [span for span in true if "".join(one.tokens[span.start : span.end]) not in known]
    return len(found.intersection(new)), len(new)


def type_of(tag: str, scheme: Scheme) -> str:
    """What a tag says without its letter of place: PER of B-PER; O of O."""
    return tag if scheme == "raw" else (parse_tag(tag)[1] or tag)


def _same(first: str, second: str) -> bool:
    return first == second


def _counts(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=float)
