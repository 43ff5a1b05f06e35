"""Sentences for training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mnemonist.data.shares import contiguous
from mnemonist.data.tags.config import TagsConfig
from mnemonist.data.tags.model import TaggedSet

__all__ = ["TaggedSplit", "split_tagged"]


@dataclass(frozen=True)
class TaggedSplit:
    """The parts; validation and test may be empty. `notes` tells how they were made."""

    train: TaggedSet
    valid: TaggedSet
    test: TaggedSet
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """One line with the number of sentences of each part."""
        sizes = len(self.train), len(self.valid), len(self.test)
        return "train {:,}, validation {:,}, test {:,} sentences".format(*sizes)


def split_tagged(
    data: TaggedSet, config: TagsConfig | None = None, *, test: TaggedSet | None = None
) -> TaggedSplit:
    """Part a set in the order of the file, or at random.

    Args:
        data: the sentences.
        config: the shares, the order and the seed; by default the last tenth is the test and
            the tenth before it validation.
        test: a test set of its own; all of `data` is for training and validation then.

    Raises:
        ConfigError: shares that leave nothing for training.

    >>> data = TaggedSet.from_sequences([["a"]] * 100, [["N"]] * 100)
    >>> split_tagged(data).describe()
    'train 80, validation 10, test 10 sentences'
    """
    config = config or TagsConfig()
    share = config.test if test is None else 0
    first, second = contiguous(
        len(data), config.valid, share, label=data.name or "the data", unit="sentences"
    )
    order = np.arange(len(data))
    if config.order == "shuffled":
        order = np.random.default_rng(config.split_seed).permutation(order)
        note = f"parts: at random with seed {config.split_seed}"
    else:
        note = "parts: in the order of the file, the last sentences for the test"
    if test is not None:
        note += f"; test: all of {test.name or 'the set given'}"
    # Each part keeps the order of the file.
    train, valid, tested = (
        data.take(np.sort(part).tolist())
        for part in (order[:first], order[first:second], order[second:])
    )
    return TaggedSplit(train, valid, tested if test is None else test, [note])
