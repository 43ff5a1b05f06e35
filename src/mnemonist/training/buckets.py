"""Sequences of different length in batches with little padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.training.batches import Batches

__all__ = ["BucketBatches", "BucketOrder"]


class BucketOrder:
    """Which sequences make which batch: those of like length, in another order every epoch.

    The sequences are sorted by length and cut into buckets of `bucket_batches` batches. Every
    epoch shuffles the rows within each bucket and then the batches, so a batch pads little and
    its company still changes.

    Args:
        lengths: (N,), of the sequences.
        batch_size, seed, bucket_batches, shuffle: as `BucketBatches` has them.

    Raises:
        ConfigError: a batch or a bucket of nothing.

    >>> [rows.tolist() for rows in BucketOrder([5, 2, 9, 3], 2, shuffle=False)(epoch=0)]
    [[1, 3], [0, 2]]
    """

    def __init__(
        self,
        lengths: np.ndarray | Sequence[int],
        batch_size: int,
        *,
        seed: int = 0,
        bucket_batches: int = 16,
        shuffle: bool = True,
    ) -> None:
        if batch_size < 1 or bucket_batches < 1:
            raise ConfigError(
                f"batch_size and bucket_batches must be at least 1; got {batch_size}, {bucket_batches}"
            )
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self._by_length = np.argsort(np.asarray(lengths), kind="stable")
        self._bucket = batch_size * bucket_batches
        self._kept: tuple[int, list[np.ndarray]] | None = None

    def __len__(self) -> int:
        return -(-len(self._by_length) // self.batch_size)

    def __call__(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch of an epoch."""
        if self._kept is None or self._kept[0] != epoch:
            self._kept = (epoch, self._arrange(epoch))
        return self._kept[1]

    def _arrange(self, epoch: int) -> list[np.ndarray]:
        size = self.batch_size
        if not self.shuffle:
            return np.split(self._by_length, range(size, len(self._by_length), size))
        generator = np.random.default_rng((self.seed, epoch))
        batches: list[np.ndarray] = []
        for start in range(0, len(self._by_length), self._bucket):
            rows = generator.permutation(self._by_length[start : start + self._bucket])
            batches += np.split(rows, range(size, len(rows), size))
        return [batches[i] for i in generator.permutation(len(batches))]


class BucketBatches(Batches):
    """Sequences of like length together (`BucketOrder`), padded to the longest of their batch.

    A batch holds each of `sequences` padded to (T, B, ...), each of `labels` as (B, ...), and
    "lengths" (B,), or "<name>_lengths" where names differ in their lengths.

    Args:
        sequences: by name, N tensors (T_n, ...); the first name decides the buckets.
        batch_size: rows of a batch.
        seed: of the order.
        labels: by name, (N, ...): one value a sequence.
        bucket_batches: batches in a bucket; more means more chance and more padding.
        padding: what stands behind the end of a sequence.
        shuffle: false hands them out by length, for validation.

    Raises:
        ShapeError: names with different numbers of sequences, or none.

    >>> words = [torch.ones(n) for n in (5, 2, 9, 3, 8, 2)]
    >>> batches = BucketBatches({"word": words}, batch_size=2, bucket_batches=1)
    >>> sorted(sorted(batches.batch(0, i)["lengths"].tolist()) for i in range(3))
    [[2, 2], [3, 5], [8, 9]]
    """

    def __init__(
        self,
        sequences: Mapping[str, Sequence[Tensor | np.ndarray]],
        batch_size: int,
        *,
        seed: int = 0,
        labels: Mapping[str, Tensor | np.ndarray] | None = None,
        bucket_batches: int = 16,
        padding: float = 0,
        shuffle: bool = True,
    ) -> None:
        self.sequences = {n: [torch.as_tensor(s) for s in given] for n, given in sequences.items()}
        self.labels = {name: torch.as_tensor(label) for name, label in (labels or {}).items()}
        counts = {name: len(items) for name, items in self.sequences.items()}
        counts |= {name: len(label) for name, label in self.labels.items()}
        if not self.sequences or len(set(counts.values())) != 1 or 0 in counts.values():
            raise ShapeError(f"every name must have the same number of sequences; got {counts}")
        self.padding = padding
        self.lengths = {
            name: torch.tensor([len(item) for item in items])
            for name, items in self.sequences.items()
        }
        first = next(iter(self.lengths.values()))
        self._one_length = all(first.equal(other) for other in self.lengths.values())
        self._order = BucketOrder(
            first.numpy(), batch_size, seed=seed, bucket_batches=bucket_batches, shuffle=shuffle
        )
        self.row_dims = dict.fromkeys(self.sequences, 1)
        self.time_dims = dict.fromkeys(self.sequences, 0)

    def __len__(self) -> int:
        return len(self._order)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        rows = self._order(epoch)[index]
        batch = {
            name: pad_sequence([items[row] for row in rows], padding_value=self.padding)
            for name, items in self.sequences.items()
        }
        batch |= {name: label[rows] for name, label in self.labels.items()}
        for name, lengths in self.lengths.items():
            batch["lengths" if self._one_length else f"{name}_lengths"] = lengths[rows]
        return batch
