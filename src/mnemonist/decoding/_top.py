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
    # one more tells whether the last that is taken has an equal that is not
    top, index = values.topk(min(count + 1, values.shape[-1]), dim=-1)
    if top.shape[-1] > count and (top[:, count] == top[:, count - 1]).any():
        top, index = values.sort(dim=-1, descending=True, stable=True)
        return top[:, :count], index[:, :count]
    index = index[:, :count].sort(dim=-1).values
    top, order = values.gather(-1, index).sort(dim=-1, descending=True, stable=True)
    return top, index.gather(-1, order)
