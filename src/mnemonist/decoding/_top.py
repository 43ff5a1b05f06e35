"""The largest values, where equal ones have an order."""

from __future__ import annotations

from torch import Tensor

__all__ = ["largest"]


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of every row, largest first, of equal ones the first first.

    `torch.topk` leaves open which of equal values it takes, and in which order.

    Args:
        values: (B, N). count: at most N.

    Returns:
        The values and their indices, (B, count).

    >>> import torch
    >>> largest(torch.tensor([[1.0, 3.0, 2.0, 3.0, 2.0]]), 3)[1]
    tensor([[1, 3, 2]])
    """
    top, index = values.topk(count, dim=-1)
    if (values >= top[:, -1:]).sum(-1).gt(count).any():
        top, index = values.sort(dim=-1, descending=True, stable=True)
        return top[:, :count], index[:, :count]
    index = index.sort(dim=-1).values
    top, order = values.gather(-1, index).sort(dim=-1, descending=True, stable=True)
    return top, index.gather(-1, order)
