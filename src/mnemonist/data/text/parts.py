"""What stands between a corpus's parts: lines in two of them, and tokens that training lacks."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

import numpy as np

from mnemonist.data.findings import Finding
from mnemonist.data.text.corpus import TokenCorpus

__all__ = ["check_corpus"]

_NOTED, _MANY = 0.01, 0.1
_UNKNOWN = 0.05
_AT_ONCE = 100_000


def check_corpus(corpus: TokenCorpus) -> list[Finding]:
    """What makes the figures of a corpus's validation and test parts less than they seem.

    Memory holds eight bytes for each sentence of the smaller parts.

    Returns:
        Warnings, then notes: sentences of validation or test that stand in training, more than
        5 % unknown tokens there, counts that are not exact.

    >>> from mnemonist.data.text import Spaces
    >>> lines = ["the cat sat", "a dog sat", "the cat sat", "a hat sat"]
    >>> for finding in check_corpus(TokenCorpus.build(lines, Spaces(), test=2)):
    ...     print(finding.code, finding.line, finding.message)
    in-training 3 50.0% of the test's sentences stand in training too: 'the cat sat'
    unknown-tokens None 16.7% of the test's tokens are unknown to the vocabulary of 7
    """
    parts = corpus.parts()
    findings: list[Finding] = []
    for name, part in (("validation", parts.valid), ("test", parts.test)):
        if len(part):
            findings += _in_training(name, part, parts.train)
            findings += _unknown(name, part)
    if corpus.undercount:
        findings.append(
            Finding(
                "note",
                "approximate-counts",
                "the text has more different tokens than are counted at once; the counts of the "
                f"vocabulary are up to {corpus.undercount:,} too low",
                remedy="set a largest size or a least count for the vocabulary, or cut the text "
                "into subwords",
            )
        )
    return sorted(findings, key=lambda finding: finding.severity == "note")


def _in_training(name: str, part: TokenCorpus, train: TokenCorpus) -> Iterator[Finding]:
    codes = np.concatenate(list(_codes(part)))
    wanted, found = np.unique(codes), np.zeros(0, dtype=np.uint64)
    for some in _codes(train):
        found = np.union1d(found, np.intersect1d(wanted, some))
    empty = np.diff(part.offsets) <= (part.vocabulary.eos is not None)
    places = np.flatnonzero(np.isin(codes, found) & ~empty)
    share = len(places) / max(1, int((~empty).sum()))
    if share >= _NOTED:
        first, *rest = (int(part.lines[place]) for place in places[:10])
        yield Finding(
            "warning" if share >= _MANY else "note",
            "in-training",
            f"{share:.1%} of the {name}'s sentences stand in training too: "
            f"{part.text(int(places[0]))[:40]!r}",
            line=first,
            lines=tuple(rest),
            remedy="take the repetitions out before the text is parted; what is measured on them "
            "is memory",
        )


def _codes(part: TokenCorpus) -> Iterator[np.ndarray]:
    """A hash of 64 bits for each sentence, some thousands at a time."""
    hashes = (
        int.from_bytes(blake2b(ids.tobytes(), digest_size=8).digest(), "little")
        for ids in part.sentences()
    )
    while some := list(islice(hashes, _AT_ONCE)):
        yield np.array(some, dtype=np.uint64)


def _unknown(name: str, part: TokenCorpus) -> Iterator[Finding]:
    rate = part.statistics().unknown_rate
    if rate > _UNKNOWN:
        yield Finding(
            "warning",
            "unknown-tokens",
            f"{rate:.1%} of the {name}'s tokens are unknown to the vocabulary of "
            f"{len(part.vocabulary):,}",
            remedy="enlarge the vocabulary, or cut the text into subwords or characters: a model "
            "is not asked for what it does not know, so that its perplexity looks better",
        )
