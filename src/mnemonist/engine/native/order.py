"""The order in which the compiled executor takes the rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["Grid", "Order"]


@dataclass
class Grid:
    """The rows of a run: those of all steps, step by step, and at each the rows still running.

    Attributes:
        steps: T.
        rows: B.
        lengths: int64 (B,), descending: the steps of each row; None where all have T.
    """

    steps: int
    rows: int
    lengths: Tensor | None = None

    @cached_property
    def first(self) -> Tensor | None:
        """(T + 1,): the rows of all steps before each step, where rows end early."""
        if self.lengths is None:
            return None
        running = self.lengths[None, :] > torch.arange(self.steps)[:, None]
        return torch.cat([torch.zeros(1, dtype=torch.int64), running.sum(1).cumsum(0)])

    @cached_property
    def total(self) -> int:
        """N, the rows of all steps together."""
        return self.steps * self.rows if self.lengths is None else int(self.lengths.sum())

    @cached_property
    def padded(self) -> Tensor | None:
        """(N,): where the rows stand among T·B, where rows end early."""
        if self.lengths is None:
            return None
        running = self.lengths[None, :] > torch.arange(self.steps)[:, None]
        return running.flatten().nonzero()[:, 0]

    @cached_property
    def last(self) -> Tensor:
        """(B,): the last row of each row of the batch, in a buffer that begins with B others."""
        rows = torch.arange(self.rows)
        if self.first is None or self.lengths is None:
            return self.total + rows
        before = self.first[(self.lengths - 1).clamp(min=0)]
        return torch.where(self.lengths > 0, self.rows + before + rows, rows)


class Order:
    """The rows of a run as the executor takes them: step by step, at each those still running.

    Rows of different lengths are sorted, the longest first, so that no step works on padding.

    Args:
        steps: T.
        rows: B.
        lengths: int64 (B,), or None: all have T steps.
    """

    def __init__(self, steps: int, rows: int, lengths: Tensor | None) -> None:
        self.steps = steps
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

    def over_steps(self, value: Tensor) -> Tensor:
        """(T, B, width) as the rows that run: (N, width), or as it is where all of them do."""
        return value if self.order is None else value.flatten(0, 1).index_select(0, self.places)

    def is_fixed(self, extra: Tensor) -> bool:
        """Whether an extra is (1, B, width) for the executor, which reads it at every step."""
        return extra.shape[0] == 1 and self.grid.total != self.grid.rows

    def extra(self, value: Tensor) -> Tensor:
        """(T or 1, B, width) as the rows that run, or as (B, width)."""
        if self.is_fixed(value):
            return self.rows(value[0])
        return self.over_steps(value.expand(self.steps, -1, -1))

    def over_time(self, value: Tensor) -> Tensor:
        """What ran as (T, B, width), zero where nothing did."""
        if self.order is None:
            return value
        rows, width = self.grid.rows, value.shape[1]
        padded = value.new_zeros(self.steps * rows, width).index_copy(0, self.places, value)
        return padded.reshape(self.steps, rows, width)
