"""How well the network predicts the test part, beside n-grams on the same tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mnemonist.data.text import TokenCorpus
from mnemonist.data.text.corpus import Parts
from mnemonist.decoding.ngram import KneserNey, NGramModel, Unigram
from mnemonist.evaluation.resampling import PairedBootstrap, interval_of_sums, paired_bootstrap
from mnemonist.evaluation.results import ResultTable, Row
from mnemonist.evaluation.verdicts import Tone, tone, verdict
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.predictor import Predictor

__all__ = ["BITS", "Baselines", "Evaluation", "convention", "evaluate", "fit_baselines"]

BITS = "bits per character"
_BLOCKS = 200


@dataclass(frozen=True)
class Baselines:
    """N-gram models by name, and what is to be said of them."""

    fitted: dict[str, NGramModel]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """Results on one part of a text.

    Args:
        table: the network and the baselines.
        verdict: one sentence.
        tone: "good", "even" or "bad": better, no matter, worse than the best baseline.
        best_baseline: its name.
        surprisal: by name, (tokens,) in bits, of the network and the baselines.
        part: the tokens that were predicted.
        test: of the network against the best baseline, over blocks of lines.
        unit: what was drawn in intervals and test.
        convention: what counts as a token and as a character.
        notes: what is to be said of the baselines.
    """

    table: ResultTable
    verdict: str
    tone: Tone
    best_baseline: str
    surprisal: dict[str, np.ndarray]
    part: TokenCorpus
    test: PairedBootstrap
    unit: str
    convention: str
    notes: list[str]

    @property
    def network(self) -> np.ndarray:
        """(tokens,) the network's surprisal in bits."""
        return next(iter(self.surprisal.values()))

    def to_dict(self) -> dict[str, Any]:
        """What a program wants to know, as plain JSON values."""
        said = self.part.statistics()
        return {
            "verdict": self.verdict,
            "table": self.table.to_dict(),
            "best_baseline": self.best_baseline,
            "paired_bootstrap": {
                "p_value": self.test.p_value,
                "difference": self.test.difference,
                "count": self.test.count,
                "unit": self.unit,
            },
            "test_part": {
                "lines": said.sentences,
                "tokens": said.tokens,
                "characters": said.characters,
                "unknown_rate": said.unknown_rate,
            },
            "convention": self.convention,
            "notes": self.notes,
        }


def fit_baselines(config: LanguageConfig, parts: Parts) -> Baselines:
    """Count the n-grams of the training part.

    Where it has more than ``config.baseline_tokens`` tokens, the latest lines of it are counted.
    """
    train, notes = parts.train, []
    if len(train.ids) > config.baseline_tokens:
        first = np.searchsorted(train.offsets, len(train.ids) - config.baseline_tokens)
        train = train.part(int(first), len(train))
        notes.append(
            f"the baselines counted the last {len(train.ids):,} of {len(parts.train.ids):,} "
            "training tokens (baseline_tokens)"
        )
    data, eos = _sequences(config, train), _eos(config, train)
    size, order = len(train.vocabulary), config.order or 5
    models: list[tuple[str, NGramModel]] = [
        (f"Kneser-Ney, order {order}", KneserNey(order).fit(data, size, eos=eos)),
        ("unigram", Unigram().fit(data, size, eos=eos)),
    ]
    return Baselines(dict(models), notes)


def evaluate(
    predictor: Predictor,
    baselines: Baselines,
    part: TokenCorpus,
    before: np.ndarray,
    *,
    name: str,
) -> Evaluation:
    """The network and the baselines on the same tokens.

    Args:
        predictor: the trained network.
        baselines: fitted on the training part.
        part: what is predicted.
        before: the tokens before it, which a stream reads first.
        name: of the network in the table.
    """
    config = predictor.config
    if config.mode == "streams":
        nats = predictor.stream(part.ids, before)
    else:
        nats = np.concatenate(predictor.surprisals(list(part.sentences())))
    surprisal = {name: nats / np.log(2)}
    for one, model in baselines.fitted.items():
        surprisal[one] = -model.log_probs(_sequences(config, part)) / np.log(2)
    blocks, unit = _blocks(config, part)
    sums = {one: _summed(part, bits, blocks) for one, bits in surprisal.items()}
    rows = [
        _row(one, "network" if one == name else "baseline", statistics)
        for one, statistics in sums.items()
    ]
    table = ResultTable(rows).sorted_by(BITS)
    best = table.best(BITS, "baseline")
    assert best is not None
    compared = paired_bootstrap(sums[name], sums[best.name], _bits_per_character)
    sentence = verdict(
        name, rows[0].values[BITS], best.name, best.values[BITS], metric=BITS, test=compared
    )
    return Evaluation(
        table=table,
        verdict=sentence,
        tone=tone(compared.difference < 0, compared),
        best_baseline=best.name,
        surprisal=surprisal,
        part=part,
        test=compared,
        unit=unit,
        convention=convention(config),
        notes=baselines.notes,
    )


def convention(config: LanguageConfig) -> str:
    """What is summed and by what it is divided, in words."""
    tokens = {
        "characters": "Every character of a line is a token",
        "words": "Words and punctuation, but not white space, are tokens",
        "spaces": "What stands between white space is a token",
        "subwords": "Pieces of words are tokens",
    }[config.text.tokens]
    return (
        f"{tokens}, and so is the end of every line (<eos>); a token that the vocabulary lacks is "
        "<unk> and counts with the probability of <unk>. Bits per character: the bits of all "
        "tokens, ends of lines included, by the characters of the text, line breaks included. "
        "Perplexity: 2 to the mean bits of a token, ends of lines included."
    )


def _eos(config: LanguageConfig, part: TokenCorpus) -> int | None:
    return part.vocabulary.eos if config.mode == "sentences" else None


def _sequences(config: LanguageConfig, part: TokenCorpus) -> Any:
    """As n-gram models take it: one stream, or sentences without their ends."""
    if config.mode == "streams":
        return np.asarray(part.ids)
    return [sentence[:-1] for sentence in part.sentences()]


def _blocks(config: LanguageConfig, part: TokenCorpus) -> tuple[np.ndarray, str]:
    """The lines with which independent pieces begin, and what they are called.

    Neighbouring lines are alike, so that pieces of a stream are long: documents where there are
    enough of them, else 200 pieces of the text.
    """
    if config.mode == "sentences":
        return np.arange(len(part)), "lines"
    if len(part.documents) - 1 >= _BLOCKS:
        return part.documents[:-1], "documents"
    at = np.linspace(0, len(part.ids), min(_BLOCKS, len(part)) + 1)[:-1]
    starts = np.unique(np.searchsorted(part.offsets[:-1], at))
    return starts[starts < len(part)], "pieces of the text"


def _summed(part: TokenCorpus, bits: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """(blocks, 4): bits, tokens, characters with line breaks, characters without them."""
    lines = np.stack(
        [
            np.add.reduceat(bits, part.offsets[:-1]),
            np.diff(part.offsets),
            part.characters + 1,
            part.characters,
        ],
        1,
    )
    return np.add.reduceat(lines.astype(float), blocks)


def _bits_per_character(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 2]


def _perplexity(sums: np.ndarray) -> np.ndarray:
    return np.exp2(sums[:, 0] / sums[:, 1])


def _without_breaks(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / np.maximum(sums[:, 3], 1)


_MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    BITS: _bits_per_character,
    "line breaks not counted": _without_breaks,
    "perplexity": _perplexity,
}


def _row(name: str, kind: Literal["network", "baseline"], statistics: np.ndarray) -> Row:
    total = statistics.sum(0, keepdims=True)
    return Row(
        name,
        kind,
        {metric: float(measure(total)[0]) for metric, measure in _MEASURES.items()},
        {BITS: interval_of_sums(statistics, _bits_per_character)},
    )
