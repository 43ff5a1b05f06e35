"""A corpus on disk as batches of tokens that are read and tokens that come next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mnemonist.data.text import TokenCorpus
from mnemonist.errors import ShapeError
from mnemonist.training.batches import Batches
from mnemonist.training.buckets import BucketOrder

__all__ = ["SentenceBatches", "TokenStreams"]


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


class SentenceBatches(Batches):
    """Sentences of like length together, read from disk a batch at a time.

    "read" is (T, B): `start` and the sentence, the zero input first; "next" the sentence and its
    <eos>. "lengths" is (B,). Memory holds one batch, and some numbers a sentence.

    Args:
        corpus: the sentences.
        batch_size: B.
        start: the token that is read first.
        seed: of the order.
        shuffle: false hands them out by length.
    """

    row_dims: Mapping[str, int] = {"read": 1, "next": 1}
    time_dims: Mapping[str, int] = {"read": 0, "next": 0}

    def __init__(
        self, corpus: TokenCorpus, batch_size: int, *, start: int, seed: int, shuffle: bool
    ) -> None:
        self.corpus, self.start = corpus, start
        sizes = np.diff(corpus.offsets)
        self._order = BucketOrder(sizes, batch_size, seed=seed, shuffle=shuffle)

    def __len__(self) -> int:
        return len(self._order)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        sentences = [
            torch.from_numpy(self.corpus.sentence(int(row)).astype(np.int64))
            for row in self._order(epoch)[index]
        ]
        after = pad_sequence(sentences)
        read = after.roll(1, 0)
        read[0] = self.start
        return {"read": read, "next": after, "lengths": torch.tensor([*map(len, sentences)])}
