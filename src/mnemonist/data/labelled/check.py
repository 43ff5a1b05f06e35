"""What stands in the way of a good classifier: the audit before training, and on its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mnemonist.data.findings import Finding, Severity, by_severity, found_at, some
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.duplicates import content_groups, contradicting, drops_duplicates
from mnemonist.data.labelled.load import Source, inspect_labelled
from mnemonist.data.labelled.model import LabelledSet

__all__ = ["audit", "check_labelled", "unseen_labels"]

_RARE = 5
_IMBALANCE = 10
_LONG = 20


def check_labelled(
    source: Source, config: LabelledConfig | None = None, *, test: Source | None = None
) -> list[Finding]:
    """Everything to know about labelled data before a network is trained on it.

    Args:
        source, config, test: as `load_labelled_split` takes them.

    Returns:
        Findings, the fatal ones first.

    Raises:
        DataError: a source cannot be read at all.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"text": ["good", "fine", "good"], "label": ["pos"] * 3})
    >>> [finding.code for finding in check_labelled(frame)][:3]
    ['one-class', 'rare-classes', 'duplicates']
    """
    config = config or LabelledConfig()
    data = inspect_labelled(source, config)
    tested = None if test is None else inspect_labelled(test, config)
    findings = [*data.findings, *audit(data, tested, config)]
    findings += [Finding("note", "note", note, data.name) for note in data.notes]
    if tested is not None:
        findings += tested.findings
    return by_severity(findings)


def audit(
    data: LabelledSet, test: LabelledSet | None = None, config: LabelledConfig | None = None
) -> list[Finding]:
    """The findings about items that could be read."""
    if not len(data):
        return []
    dropped = drops_duplicates(data, config or LabelledConfig())
    findings = [*_classes(data), *_duplicates(data, dropped), *_lengths(data)]
    if data.kind == "series":
        findings += _channels(data)
    if test is not None and len(test):
        findings += [*_duplicates(test, False), *_lengths(test), *unseen_labels(data, test)]
        findings += _across(data, test, dropped)
    return findings


def unseen_labels(data: LabelledSet, test: LabelledSet) -> list[Finding]:
    """Labels of the test part that training has no item of."""
    unseen = [name for name in test.classes if name not in set(data.classes)]
    if not unseen:
        return []
    rows = np.flatnonzero(np.isin(test.labels, [test.classes.index(name) for name in unseen]))
    return [
        _at(
            test,
            rows,
            "fatal",
            "unseen-labels",
            f"{len(rows)} test items have labels that training lacks: {some(unseen, len(unseen))} "
            f"(training has {some(data.classes, len(data.classes), 8)})",
            "correct the labels, bring training items of these classes, or leave the items out",
        )
    ]


def _classes(data: LabelledSet) -> Iterator[Finding]:
    counts = data.counts
    if len(data.classes) < 2:
        yield Finding(
            "fatal",
            "one-class",
            f"all {len(data):,} items have the label '{data.classes[0] if data.classes else ''}'",
            data.name,
            remedy="bring items of another class, or name another label column",
        )
    if len(data.classes) > max(2, len(data) // 2):
        yield Finding(
            "warning",
            "labels-repeat-little",
            f"{len(data):,} items have {len(data.classes):,} different labels",
            data.name,
            remedy="see whether the label column is the right one",
        )
    rare = [k for k in np.argsort(counts, kind="stable") if counts[k] < _RARE]
    if rare:
        shown = [f"'{data.classes[k]}' {counts[k]}" for k in rare]
        yield _at(
            data,
            np.flatnonzero(np.isin(data.labels, rare)),
            "warning",
            "rare-classes",
            f"{len(rare)} classes have fewer than {_RARE} items: {some(shown, len(shown), 5)}",
            "bring more items, merge the classes, or leave them out",
        )
    if len(counts) > 1 and counts.max() >= _IMBALANCE * max(1, counts.min()):
        yield Finding(
            "note",
            "imbalance",
            f"the commonest class '{data.classes[counts.argmax()]}' has {counts.max():,} items, the "
            f"rarest '{data.classes[counts.argmin()]}' {counts.min():,}",
            data.name,
            remedy="read the balanced accuracy and macro F1, or weigh the classes",
        )


def _duplicates(data: LabelledSet, dropped: bool) -> Iterator[Finding]:
    (groups,) = content_groups(data)
    _, first = np.unique(groups, return_index=True)
    repeated = np.setdiff1d(np.arange(len(data)), first)
    if len(repeated):
        yield _at(
            data,
            repeated,
            "warning",
            "duplicates",
            f"{len(repeated):,} of {len(data):,} items repeat an earlier one",
            "nothing is needed: those with equal labels are left out"
            if dropped
            else "leave them out (deduplicate, --deduplicate), or have them in one part (split does)",
        )
    against = np.flatnonzero(contradicting(data, groups))
    if len(against):
        yield _at(
            data,
            against,
            "warning",
            "contradicting-labels",
            f"{len(against):,} items have an equal item with another label; no classifier can have "
            "both right",
            "correct the labels, or leave these items out (contradictions='drop')",
        )


def _across(data: LabelledSet, test: LabelledSet, dropped: bool) -> Iterator[Finding]:
    own, others = content_groups(data, test)
    shared = np.flatnonzero(np.isin(others, own))
    if len(shared):
        yield _at(
            test,
            shared,
            "warning",
            "duplicates-across-splits",
            f"{len(shared):,} of {len(test):,} test items are training items too, so the test is "
            "easier than new data",
            "nothing is needed: training leaves them out"
            if dropped
            else "leave them out of training (deduplicate, --deduplicate)",
        )


def _lengths(data: LabelledSet) -> Iterator[Finding]:
    lengths = data.lengths
    usual = float(np.median(lengths))
    long = np.flatnonzero(lengths > _LONG * max(usual, 10))
    if len(long):
        yield _at(
            data,
            long,
            "warning",
            "long-items",
            f"{len(long):,} items are more than {_LONG} times as long as usual (the longest "
            f"{lengths.max():,}, the median {usual:,.0f})",
            "see whether they are items; a long one makes its whole batch slow",
        )


def _channels(data: LabelledSet) -> Iterator[Finding]:
    together = np.concatenate(data.items)
    together = together[~np.isnan(together).any(axis=1)]
    if not len(together):
        return
    constant = [data.channels[k] for k in np.flatnonzero(np.ptp(together, axis=0) == 0)]
    if constant:
        yield Finding(
            "warning",
            "constant-channels",
            f"{len(constant)} channels never change in any series: {some(constant, len(constant))}",
            data.name,
            remedy="leave them out; they tell the network nothing",
        )


def _at(
    data: LabelledSet,
    rows: np.ndarray,
    severity: Severity,
    code: str,
    message: str,
    remedy: str,
) -> Finding:
    places = [(data.files[row], int(data.lines[row])) for row in rows]
    return found_at(severity, code, message, places, remedy, data.name)
