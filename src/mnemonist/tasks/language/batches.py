"""A corpus on disk as batches of tokens that are read and tokens that come next."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.text import TokenCorpus
from mnemonist.errors import ShapeError
from mnemonist.training.batches import Batches
from mnemonist.training.buckets import BucketBatches

__all__ = ["TokenStreams", "sentence_batches"]


class TokenStreams(Batches):
    """One long text as B streams side by side, read from disk a piece at a time.

    As `StreamBatches`: row b goes on from batch to batch, and so can its state. "read" and
    "next" are (T, B), the second one token later. Memory holds one batch.

    Args:
        ids: (N,), the tokens of the text in their order, on disk or not.
        batch_size: B.
        steps: T; the last batch may be shorter.

    Raises:
        ShapeError: fewer than B + 1 tokens.

    >>> batches = TokenStreams(np.arange(11), batch_size=2, steps=3)
    >>> batches.batch(0, 1)["read"].T.tolist(), batches.batch(0, 1)["next"].T.tolist()
    ([[3, 4], [8, 9]], [[4, 5], [9, 10]])
    """

    def __init__(self, ids: np.ndarray, batch_size: int, steps: int) -> None:
        if len(ids) <= batch_size:
            raise ShapeError(
                f"{batch_size} streams need more than {batch_size} tokens; got {len(ids)}"
            )
        self.ids, self.batch_size, self.steps = ids, batch_size, steps
        self.length = (len(ids) - 1) // batch_size
        self.row_dims = {"read": 1, "next": 1}

    def __len__(self) -> int:
        return -(-self.length // self.steps)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        start = index * self.steps
        size = min(self.steps, self.length - start) + 1
        firsts = start + self.length * np.arange(self.batch_size)
        piece = np.stack([self.ids[first : first + size] for first in firsts], 1)
        tokens = torch.from_numpy(piece.astype(np.int64))
        return {"read": tokens[:-1], "next": tokens[1:]}

    def continues(self, epoch: int, index: int) -> bool:
        return index > 0


def sentence_batches(
    corpus: TokenCorpus, batch_size: int, *, start: int, seed: int, shuffle: bool
) -> BucketBatches:
    """Sentences of like length together: `start` and the sentence are read, it and <eos> come next.

    Args:
        corpus: the sentences.
        batch_size: rows of a batch.
        start: the token that is read first.
        seed: of the order.
        shuffle: false hands them out by length.
    """
    read, after = [], []
    for sentence in corpus.sentences():
        tokens = torch.tensor([start, *sentence], dtype=torch.long)
        read.append(tokens[:-1])
        after.append(tokens[1:])
    return BucketBatches({"read": read, "next": after}, batch_size, seed=seed, shuffle=shuffle)
