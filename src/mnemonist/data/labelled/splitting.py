"""Parts for training, validation and test: classes in proportion, equal items on one side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mnemonist.data.findings import raise_fatal
from mnemonist.data.labelled.check import unseen_labels
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.duplicates import content_groups, drops_duplicates, without_duplicates
from mnemonist.data.labelled.load import Source, load_labelled
from mnemonist.data.labelled.model import LabelledSet
from mnemonist.errors import DataError

__all__ = ["LabelledSplit", "load_labelled_split", "parts_of", "split_labelled"]


@dataclass(frozen=True)
class LabelledSplit:
    """The parts, with the same classes; a part may be empty.

    Attributes:
        train, valid, test: the parts.
        notes: what was done, in sentences.
    """

    train: LabelledSet
    valid: LabelledSet
    test: LabelledSet
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """One line with the number of items of each part."""
        return f"train {len(self.train):,}, validation {len(self.valid):,}, test {len(self.test):,} items"


def load_labelled_split(
    source: Source, config: LabelledConfig | None = None, *, test: Source | None = None
) -> LabelledSplit:
    """Read labelled items, leave repeated ones out, and part them.

    Args:
        source: as `load_labelled` takes it.
        config: with the shares, the seed, and what to do about duplicates.
        test: a source of its own for the test part. It is left as it is; training items that
            are equal to one of its items are left out where duplicates are.

    Raises:
        DataError: either cannot be used; or the test source has a label that training lacks.
    """
    config = config or LabelledConfig()
    data = load_labelled(source, config)
    return parts_of(data, None if test is None else load_labelled(test, config), config)


def parts_of(data: LabelledSet, test: LabelledSet | None, config: LabelledConfig) -> LabelledSplit:
    """As `load_labelled_split`, of sets that were read already."""
    before = len(data.notes)
    data = without_duplicates(data, config)
    said = data.notes[before:]
    if test is None:
        made = split_labelled(data, config.valid, config.test, config.split_seed)
        return replace(made, notes=[*data.notes, *made.notes])
    if test.kind != data.kind or len(test.channels) != len(data.channels):
        raise DataError(
            f"{test.name} has {test.describe()} of the kind {test.kind!r}, {data.name} "
            f"{data.describe()} of the kind {data.kind!r}; both must be of one kind."
        )
    raise_fatal(unseen_labels(data, test))
    if drops_duplicates(data, config):
        own, others = content_groups(data, test)
        shared = np.isin(own, others)
        if shared.any():
            data = data.take(np.flatnonzero(~shared))
            said = [
                *said,
                f"{shared.sum():,} training items that the test part has too were left out",
            ]
    made = split_labelled(data, config.valid, 0.0, config.split_seed)
    tested = test.with_classes(data.classes)
    notes = [*data.notes[:before], *said, *made.notes, f"test: all of {test.name}"]
    return LabelledSplit(made.train, made.valid, tested, notes)


def split_labelled(
    data: LabelledSet, valid: float = 0.1, test: float = 0.2, seed: int = 0
) -> LabelledSplit:
    """Part a set at random, class by class.

    Items that are equal are in one part. Each class gives each part its share, rounded, but
    one item at least where it has three that differ; one stays for training always.

    Args:
        data: labelled items.
        valid, test: shares from 0 to below 1, together below 1.
        seed: same seed, same parts.

    Raises:
        DataError: nothing would be left for training.

    >>> data = LabelledSet.from_items([str(k) for k in range(100)], [k % 2 for k in range(100)])
    >>> split_labelled(data, 0.1, 0.2).describe()
    'train 70, validation 10, test 20 items'
    """
    if not (valid >= 0 and test >= 0 and valid + test < 1):
        raise DataError(f"valid={valid}, test={test}: shares that leave something for training.")
    (groups,) = content_groups(data)
    generator = np.random.default_rng(seed)
    # equal items of different classes go with the class of the first of them
    _, first = np.unique(groups, return_index=True)
    leader = data.labels[first]
    sizes = np.bincount(groups)
    part = np.zeros(len(first), dtype=int)
    for label in np.unique(leader):
        own = generator.permutation(np.flatnonzero(leader == label))
        wanted = [_share(share, sizes[own]) for share in (valid, test)]
        _deal(part, own, sizes, *wanted)
    train, validation, tested = (data.take(np.flatnonzero(part[groups] == k)) for k in range(3))
    note = f"parts: at random with seed {seed}, each class in proportion"
    if len(first) < len(data):
        note += ", equal items in one part"
    return LabelledSplit(train, validation, tested, [note])


def _share(share: float, sizes: np.ndarray) -> int:
    """How many items of a class, whose groups of equal items have these sizes, a part gets."""
    items = round(float(sizes.sum()) * share)
    return max(items, 1) if share and len(sizes) >= 3 else items


def _deal(part: np.ndarray, own: np.ndarray, sizes: np.ndarray, valid: int, test: int) -> None:
    """Write into `part` 1 for groups of validation and 2 for test, until they have so many items."""
    rest = own[1:].tolist()  # the first one stays for training
    for number, wanted in ((2, test), (1, valid)):
        left = []
        for group in rest:
            if sizes[group] <= wanted:
                part[group] = number
                wanted -= sizes[group]
            else:
                left.append(group)
        rest = left
