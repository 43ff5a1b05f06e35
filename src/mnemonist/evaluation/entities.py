"""How many entities were found, exactly as conlleval counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnemonist.data.tags.schemes import Scheme, spans_of
from mnemonist.errors import DataError

__all__ = ["EntityCounts", "EntityScores", "entity_counts", "entity_scores"]


@dataclass(frozen=True)
class EntityCounts:
    """Entities in the gold tags, in the predicted ones, and in both with equal ends and type.

    >>> counts = EntityCounts(gold=4, predicted=5, correct=3)
    >>> counts.precision, counts.recall, round(counts.f1, 4)
    (0.6, 0.75, 0.6667)
    """

    gold: int = 0
    predicted: int = 0
    correct: int = 0

    @property
    def precision(self) -> float:
        """correct / predicted; 0 where nothing was predicted, as conlleval has it."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """correct / gold; 0 where there is nothing to find."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall (van Rijsbergen 1979)."""
        total = self.gold + self.predicted
        return 2 * self.correct / total if total else 0.0

    def __add__(self, other: EntityCounts) -> EntityCounts:
        return EntityCounts(
            self.gold + other.gold,
            self.predicted + other.predicted,
            self.correct + other.correct,
        )


@dataclass(frozen=True)
class EntityScores:
    """Entities by type, and tokens.

    Args:
        types: counts by type, sorted by name.
        tokens, correct_tokens: tokens, and those with the right tag.
        sentences, correct_sentences: sentences, and those whose tags are all right.
    """

    types: Mapping[str, EntityCounts] = field(default_factory=dict)
    tokens: int = 0
    correct_tokens: int = 0
    sentences: int = 0
    correct_sentences: int = 0

    @property
    def overall(self) -> EntityCounts:
        """All types together: micro-averaged precision, recall and F1, conlleval's first line."""
        return sum(self.types.values(), EntityCounts())

    @property
    def macro_f1(self) -> float:
        """The mean of the types' F1; types that were only predicted count too, with 0."""
        return sum(one.f1 for one in self.types.values()) / max(len(self.types), 1)

    @property
    def accuracy(self) -> float:
        """The share of tokens with the right tag, O included."""
        return self.correct_tokens / self.tokens if self.tokens else 0.0

    @property
    def exact_sentences(self) -> float:
        """The share of sentences whose tags are all right."""
        return self.correct_sentences / self.sentences if self.sentences else 0.0

    def to_text(self) -> str:
        """The lines that conlleval prints."""
        whole = self.overall
        lines = [
            f"processed {self.tokens} tokens with {whole.gold} phrases; "
            f"found: {whole.predicted} phrases; correct: {whole.correct}.",
            f"accuracy: {100 * self.accuracy:6.2f}%; {_percent(whole)}",
        ]
        lines += [
            f"{name:>17}: {_percent(counts)}  {counts.predicted}"
            for name, counts in self.types.items()
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "f1": self.overall.f1,
            "macro_f1": self.macro_f1,
            "accuracy": self.accuracy,
            "exact_sentences": self.exact_sentences,
            **_values(self.overall),
            "types": {name: {**_values(one), "f1": one.f1} for name, one in self.types.items()},
        }


def entity_scores(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], scheme: Scheme = "BIO"
) -> EntityScores:
    """Compare predicted tags with the gold ones, sentence by sentence.

    An entity is found when one is predicted with the same first and last token and the same type
    (Tjong Kim Sang & Buchholz 2000). Invalid sequences are read as conlleval reads them: an I
    after O or after another type begins an entity, so IOB1 and BIO count alike; see
    `data.tags.spans_of`, also for BIOES, BILOU and BMES, whose E and S conlleval does not know in
    full. In scheme "raw" every token that is not O is an entity.

    Args:
        gold, predicted: the tags of each sentence, equally many.
        scheme: of both.

    Raises:
        DataError: sentences that differ in number or length.

    >>> scores = entity_scores(
    ...     [["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "B-PER"]])
    >>> print(scores.to_text())
    processed 4 tokens with 2 phrases; found: 2 phrases; correct: 1.
    accuracy:  75.00%; precision:  50.00%; recall:  50.00%; FB1:  50.00
                  LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  0
                  PER: precision:  50.00%; recall: 100.00%; FB1:  66.67  2
    """
    truth, guess, both = Counter[str](), Counter[str](), Counter[str]()
    tokens = correct = sentences = exact = 0
    for wanted, given in _pairs(gold, predicted):
        real, found = spans_of(wanted, scheme), spans_of(given, scheme)
        truth.update(span.type for span in real)
        guess.update(span.type for span in found)
        both.update(span.type for span in set(real).intersection(found))
        right = sum(a == b for a, b in zip(wanted, given, strict=True))
        tokens, correct = tokens + len(wanted), correct + right
        sentences, exact = sentences + 1, exact + (right == len(wanted))
    types = {
        name: EntityCounts(truth[name], guess[name], both[name])
        for name in sorted({*truth, *guess})
    }
    return EntityScores(types, tokens, correct, sentences, exact)


def entity_counts(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], scheme: Scheme = "BIO"
) -> list[EntityCounts]:
    """The counts of each sentence, for intervals and paired tests that draw sentences.

    Raises:
        DataError: sentences that differ in number or length.

    >>> entity_counts([["B-X", "O"], ["O"]], [["B-X", "B-X"], ["O"]])
    [EntityCounts(gold=1, predicted=2, correct=1), EntityCounts(gold=0, predicted=0, correct=0)]
    """
    counts = []
    for wanted, given in _pairs(gold, predicted):
        real, found = spans_of(wanted, scheme), spans_of(given, scheme)
        counts.append(EntityCounts(len(real), len(found), len(set(real).intersection(found))))
    return counts


def _pairs(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]
) -> Iterable[tuple[Sequence[str], Sequence[str]]]:
    gold, predicted = list(gold), list(predicted)
    if len(gold) != len(predicted):
        raise DataError(
            f"{len(gold)} sentences have gold tags and {len(predicted)} predicted ones."
        )
    for number, (wanted, given) in enumerate(zip(gold, predicted, strict=True)):
        if len(wanted) != len(given):
            raise DataError(
                f"sentence {number} has {len(wanted)} gold tags and {len(given)} predicted ones; "
                "one for each token is expected."
            )
        yield wanted, given


def _percent(counts: EntityCounts) -> str:
    return (
        f"precision: {100 * counts.precision:6.2f}%; recall: {100 * counts.recall:6.2f}%; "
        f"FB1: {100 * counts.f1:6.2f}"
    )


def _values(counts: EntityCounts) -> dict[str, float]:
    return {
        "precision": counts.precision,
        "recall": counts.recall,
        "gold": counts.gold,
        "predicted": counts.predicted,
        "correct": counts.correct,
    }
