"""Which rows make which batch. Everything follows from (seed, epoch, index), so training resumes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mnemonist.errors import ConfigError, ShapeError

__all__ = ["Batches", "ShuffledBatches", "StreamBatches", "share_of_rows"]


def share_of_rows(rows: int, rank: int, world: int) -> tuple[int, int]:
    """First and last (exclusive) row of a process: ⌊rows·rank/world⌋ to ⌊rows·(rank+1)/world⌋.

    >>> [share_of_rows(5, rank, 2) for rank in range(2)]
    [(0, 2), (2, 5)]
    """
    return rows * rank // world, rows * (rank + 1) // world


class Batches(ABC):
    """An epoch's batches, in an order that depends on nothing but (seed, epoch, index).

    A batch is a dict of tensors. Rows are dimension 0 unless `row_dims` says otherwise by
    name; tensors that run over time are named with that dimension in `time_dims`, and
    "lengths" or "..._lengths" (B,) count the valid steps of each row. With a subclass's
    `__len__` and `batch`, the rest follows:

    >>> class Counting(Batches):
    ...     def __len__(self):
    ...         return 3
    ...     def batch(self, epoch, index):
    ...         return {"x": torch.arange(4) + 4 * index}
    >>> Counting().share(Counting().batch(0, 1), rank=1, world=2)
    {'x': tensor([6, 7])}

    A batch of another type needs `rows`, `share` and `cut` of its own.
    """

    row_dims: Mapping[str, int] = {}
    time_dims: Mapping[str, int] = {}

    @abstractmethod
    def __len__(self) -> int:
        """Batches in an epoch, the same in every epoch."""

    @abstractmethod
    def batch(self, epoch: int, index: int) -> Any:
        """Batch `index` of `epoch`, both counted from 0."""

    def continues(self, epoch: int, index: int) -> bool:
        """Whether the rows of this batch go on from those of the batch before it."""
        return False

    def rows(self, batch: Any) -> int:
        """Rows of a batch, B."""
        if not isinstance(batch, dict):
            raise ConfigError(
                f"{type(self).__name__}.batch returned a {type(batch).__name__}: return a dict of "
                "tensors, or define rows, share and cut for this type"
            )
        name, tensor = next(iter(batch.items()))
        return int(tensor.shape[self.row_dims.get(name, 0)])

    def share(self, batch: Any, rank: int, world: int) -> Any:
        """The rows of one of `world` processes, as `share_of_rows` cuts them; None if none."""
        if world == 1:
            return batch
        start, stop = share_of_rows(self.rows(batch), rank, world)
        if start == stop:
            return None
        return {
            name: tensor.narrow(self.row_dims.get(name, 0), start, stop - start)
            for name, tensor in batch.items()
        }

    def cut(self, batch: Any, steps: int) -> list[Any]:
        """The batch as pieces of at most `steps` time steps, for truncated BPTT."""
        if not self.time_dims:
            return [batch]
        total = max((batch[n].shape[d] for n, d in self.time_dims.items() if n in batch), default=0)
        if total <= steps:
            return [batch]
        pieces = []
        for start in range(0, total, steps):
            piece = dict(batch)
            for name, tensor in batch.items():
                if name in self.time_dims:
                    dim = self.time_dims[name]
                    size = tensor.shape[dim]
                    first = min(start, size)
                    piece[name] = tensor.narrow(dim, first, min(steps, size - first))
                elif name == "lengths" or name.endswith("_lengths"):
                    piece[name] = (tensor - start).clamp(0, steps)
            pieces.append(piece)
        return pieces


class ShuffledBatches(Batches):
    """Rows of equally long arrays, in a new random order every epoch.

    Args:
        arrays: by name, (N, ...); NumPy arrays or tensors.
        batch_size: rows of a batch; the last may be smaller.
        seed: of the order.
        shuffle: false keeps the order, for validation.
        drop_last: leave out a last batch that is smaller.
        time_dims: where a batch's arrays run over time, by name; lets `bptt` cut them.

    Raises:
        ShapeError: arrays of different length, or none.

    >>> batches = ShuffledBatches({"x": torch.arange(10)}, batch_size=4, seed=1)
    >>> len(batches), batches.batch(0, 0)["x"].equal(batches.batch(0, 0)["x"])
    (3, True)
    """

    def __init__(
        self,
        arrays: Mapping[str, Tensor | np.ndarray],
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        time_dims: Mapping[str, int] | None = None,
    ) -> None:
        self.arrays = {name: torch.as_tensor(array) for name, array in arrays.items()}
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) != 1 or 0 in sizes.values():
            raise ShapeError(f"arrays must have the same number of rows, at least one; got {sizes}")
        if batch_size < 1:
            raise ConfigError(f"batch_size must be at least 1; got {batch_size}")
        self.size = next(iter(sizes.values()))
        self.batch_size, self.seed = batch_size, seed
        self.shuffle, self.drop_last = shuffle, drop_last
        self.time_dims = dict(time_dims or {})
        self._order: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        full, rest = divmod(self.size, self.batch_size)
        return full + (1 if rest and not (self.drop_last and full) else 0)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        start = index * self.batch_size
        if not self.shuffle:
            return {name: a[start : start + self.batch_size] for name, a in self.arrays.items()}
        rows = self._shuffled(epoch)[start : start + self.batch_size]
        return {name: array[rows] for name, array in self.arrays.items()}

    def _shuffled(self, epoch: int) -> Tensor:
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.size)
            self._order = (epoch, torch.from_numpy(order))
        return self._order[1]


class StreamBatches(Batches):
    """One long sequence as B parallel streams, handed out a piece at a time.

    Row b of batch i holds steps b·L + i·k up to b·L + (i + 1)·k, with L = ⌊N / B⌋ and k =
    `steps`; so batch i continues the rows of batch i - 1, and the state carried between them
    makes the gradient truncated BPTT (Williams & Peng 1990). Fewer than B steps at the
    very end are left out.

    Args:
        arrays: by name, one sequence (N, ...), or several to be joined; joining adds
            "resets", true where a sequence begins.
        batch_size: B, streams side by side.
        steps: k, time steps of a batch; the last one may be shorter.

    Raises:
        ShapeError: sequences of different length under different names, or shorter than B.

    >>> batches = StreamBatches({"x": torch.arange(10)}, batch_size=2, steps=3)
    >>> batches.batch(0, 1)["x"].T
    tensor([[3, 4],
            [8, 9]])
    """

    def __init__(
        self,
        arrays: Mapping[str, Tensor | np.ndarray | Sequence[Tensor | np.ndarray]],
        batch_size: int,
        steps: int,
    ) -> None:
        if batch_size < 1 or steps < 1:
            raise ConfigError(f"batch_size and steps must be at least 1; got {batch_size}, {steps}")
        joined = _joined(arrays)
        sizes = {name: len(array) for name, array in joined.items()}
        if len(set(sizes.values())) != 1 or min(sizes.values()) < batch_size:
            raise ShapeError(
                f"streams need sequences of one length, at least batch_size = {batch_size} steps; "
                f"got {sizes}"
            )
        length = next(iter(sizes.values())) // batch_size
        self.arrays = {
            name: array[: length * batch_size]
            .reshape(batch_size, length, *array.shape[1:])
            .transpose(0, 1)
            for name, array in joined.items()
        }
        self.length, self.steps = length, steps
        self.row_dims = dict.fromkeys(self.arrays, 1)

    def __len__(self) -> int:
        return -(-self.length // self.steps)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        start = index * self.steps
        return {name: a[start : start + self.steps] for name, a in self.arrays.items()}

    def continues(self, epoch: int, index: int) -> bool:
        return index > 0


def _joined(
    arrays: Mapping[str, Tensor | np.ndarray | Sequence[Tensor | np.ndarray]],
) -> dict[str, Tensor]:
    joined: dict[str, Tensor] = {}
    parts: dict[str, list[int]] = {}
    for name, value in arrays.items():
        if isinstance(value, Tensor | np.ndarray):
            joined[name] = torch.as_tensor(value)
            continue
        pieces = [torch.as_tensor(piece) for piece in value]
        joined[name] = torch.cat(pieces)
        parts[name] = [len(piece) for piece in pieces]
    if not parts:
        return joined
    if len({tuple(lengths) for lengths in parts.values()}) != 1:
        raise ShapeError(
            f"joined sequences must have the same lengths under every name; got {parts}"
        )
    lengths = next(iter(parts.values()))
    resets = torch.zeros(sum(lengths), dtype=torch.bool)
    resets[np.cumsum([0, *lengths[:-1]])] = True
    return {**joined, "resets": resets}
