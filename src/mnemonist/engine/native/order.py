"""The order in which the compiled executor takes the rows of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from mnemonist.engine.native.run import Grid

__all__ = ["Order"]


class Order:
    """The rows of a run as the executor takes them: step by step, at each those still running.

    Rows of different lengths are sorted, the longest first, so that no step works on padding.

    Args:
        steps: T.
        rows: B.
        lengths: int64 (B,), or None: all have T steps.
    """

    def __init__(self, steps: int, rows: int, lengths: Tensor | None) -> None:
        self.shape = steps, rows
        self.order: Tensor | None = None
        if lengths is not None and bool((lengths != steps).any()):
            sorted_, self.order = torch.sort(lengths, descending=True, stable=True)
            self.grid = Grid(int(sorted_[0]), rows, sorted_)
            padded = self.grid.padded
            assert padded is not None
            self.places = padded // rows * rows + self.order[padded % rows]
        else:
            self.grid = Grid(steps, rows)

    def rows(self, value: Tensor) -> Tensor:
        """(B, width) in the executor's order."""
        return value if self.order is None else value.index_select(0, self.order)

    def back(self, value: Tensor) -> Tensor:
        """(B, width) in the caller's order."""
        if self.order is None:
            return value
        return torch.empty_like(value).index_copy(0, self.order, value)

    def steps(self, value: Tensor) -> Tensor:
        """(T, B, width) as the rows that run."""
        flat = value.reshape(self.shape[0] * self.shape[1], value.shape[2])
        return flat if self.order is None else flat.index_select(0, self.places)

    def extra(self, value: Tensor) -> Tensor:
        """(T or 1, B, width) as the rows that run, or as (B, width)."""
        constant = value.shape[0] == 1 and self.grid.total != self.grid.rows
        return self.rows(value[0]) if constant else self.steps(value.expand(self.shape[0], -1, -1))

    def over_time(self, value: Tensor) -> Tensor:
        """What ran as (T, B, width), zero where nothing did."""
        steps, rows = self.shape
        if self.order is not None:
            padded = value.new_zeros(steps * rows, value.shape[1])
            value = padded.index_copy(0, self.places, value)
        return value.reshape(steps, rows, value.shape[1])
