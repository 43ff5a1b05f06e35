"""What stands in the way of a good translation: the audit of pairs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mnemonist.data.findings import Finding, by_severity
from mnemonist.data.parallel.config import ParallelConfig
from mnemonist.data.parallel.load import at_lines, inspect_parallel
from mnemonist.data.parallel.model import ParallelSet

__all__ = ["audit", "check_parallel", "check_parts", "plain"]

# A text may be this many times as long as texts of its partner's length usually are, and this
# many characters more: short sentences differ in length without being wrong.
_RATIO, _SLACK = 3.0, 20
_LONG_TIMES, _LONG_AT_LEAST = 10, 200


def check_parallel(path: str | Path, config: ParallelConfig | None = None) -> list[Finding]:
    """Everything to know about pairs of texts before a network is trained on them.

    Args:
        path, config: as `load_parallel` takes them.

    Returns:
        Findings, the fatal ones first: no pairs, files of unequal length, empty sides, equal
        pairs, targets that are their source, lengths that do not fit each other, very long
        texts, sources with several translations.

    Raises:
        DataError: the file cannot be read as pairs at all.
    """
    pairs, findings = inspect_parallel(path, config)
    if len(pairs):
        findings += audit(pairs)
    findings += [Finding("note", "note", note, pairs.name) for note in pairs.notes]
    return by_severity(findings)


def audit(pairs: ParallelSet) -> list[Finding]:
    """The findings about pairs that could be read.

    >>> pairs = ParallelSet.from_pairs([("a", "b"), ("c", "c"), ("a", "d")])
    >>> [finding.code for finding in audit(pairs)]
    ['identical-sides', 'several-translations']
    """
    return [*_identical(pairs), *_ratios(pairs), *_long(pairs), *_several(pairs)]


def check_parts(train: ParallelSet, other: ParallelSet, part: str = "test") -> list[Finding]:
    """Whether sources of another part are known from training.

    Sources are compared as `plain` writes them: a full stop makes no new sentence.

    Args:
        train, other: the parts. part: what `other` is called.

    >>> train = ParallelSet.from_pairs([("Good morning!", "早上好！")])
    >>> test = ParallelSet.from_pairs([("Good morning", "早安"), ("Good night", "晚安")])
    >>> [(finding.code, finding.lines) for finding in check_parts(train, test)]
    [('known-sources', (1,))]
    """
    known = set(map(plain, train.sources))
    lines = _lines_where(other, lambda source, _: plain(source) in known)
    if not lines:
        return []
    message = (
        f"{len(lines)} of {len(other)} sources of the {part} part stand in the training part too, "
        "so that what is measured there is memory"
    )
    remedy = f"remove them from one of the parts, or have the {part} part split off"
    return [at_lines("warning", "known-sources", message, lines, other.name, remedy)]


def plain(text: str) -> str:
    """The text without what makes no other sentence: case, width, white space, punctuation.

    >>> plain("Ｗhat's up? "), plain("“你好”！")
    ('whatsup', '你好')
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(sign for sign in folded if unicodedata.category(sign)[0] not in "PZC")
    return kept or folded


def _identical(pairs: ParallelSet) -> Iterator[Finding]:
    lines = _lines_where(pairs, lambda source, target: source == target)
    if lines:
        message = f"in {len(lines)} of {len(pairs)} pairs the target is the source itself"
        remedy = "translate them, or remove them; names and numbers may stay"
        yield at_lines("warning", "identical-sides", message, lines, pairs.name, remedy)


def _ratios(pairs: ParallelSet) -> Iterator[Finding]:
    source, target = _lengths(pairs)
    usual = float(np.median(target / source))
    expected = usual * source
    odd = (target > _RATIO * expected + _SLACK) | (expected > _RATIO * target + usual * _SLACK)
    if odd.any():
        message = (
            f"in {int(odd.sum())} of {len(pairs)} pairs one side is much longer than the other "
            f"(usually the target has {usual:.2g} times the characters of the source)"
        )
        lines = pairs.lines[odd].tolist()
        remedy = "see whether they are translations of each other; a shift by a line shows so too"
        yield at_lines("warning", "length-ratio", message, lines, pairs.name, remedy)


def _long(pairs: ParallelSet) -> Iterator[Finding]:
    longest = np.maximum(*_lengths(pairs))
    bound = max(_LONG_AT_LEAST, _LONG_TIMES * float(np.median(longest)))
    long = longest > bound
    if long.any():
        message = (
            f"{int(long.sum())} of {len(pairs)} pairs have more than {bound:,.0f} characters (the "
            f"longest {longest.max():,}; half have at most {np.median(longest):,.0f})"
        )
        lines = pairs.lines[long].tolist()
        remedy = "cut them into sentences; a whole batch is padded to the longest"
        yield at_lines("warning", "very-long", message, lines, pairs.name, remedy)


def _several(pairs: ParallelSet) -> Iterator[Finding]:
    translations: dict[str, set[str]] = {}
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        translations.setdefault(source, set()).add(target)
    lines = _lines_where(pairs, lambda source, _: len(translations[source]) > 1)
    if lines:
        count = sum(len(targets) > 1 for targets in translations.values())
        message = f"{count} of {len(translations)} different sources have several translations"
        remedy = "nothing need be done; a translation can be right and yet not the one that is here"
        yield at_lines("note", "several-translations", message, lines, pairs.name, remedy)


def _lengths(pairs: ParallelSet) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([len(text) for text in pairs.sources]),
        np.array([len(text) for text in pairs.targets]),
    )


def _lines_where(pairs: ParallelSet, test: Callable[[str, str], bool]) -> list[int]:
    both = zip(pairs.lines.tolist(), pairs.sources, pairs.targets, strict=True)
    return [line for line, source, target in both if test(source, target)]
