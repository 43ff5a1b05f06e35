"""One vector from a sequence of them."""

from __future__ import annotations

import torch
from torch import Tensor

from mnemonist.engine.time import check_lengths
from mnemonist.errors import ShapeError

__all__ = ["LastStep", "last_valid"]


def last_valid(outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
    """What stands at each row's last valid step: (T, B, E) to (B, E).

    A row of length 0 gives zeros, and so does every row where T = 0.

    Args:
        outputs: (T, B, E).
        lengths: (B,), the steps of each row; all T if not given.

    Raises:
        ShapeError: `outputs` is not (T, B, E), or the lengths do not fit it.

    >>> last_valid(torch.arange(6.0).reshape(3, 2, 1), [1, 3])
    tensor([[0.],
            [5.]])
    """
    if outputs.dim() != 3:
        raise ShapeError(f"outputs must be (T, B, E); got {tuple(outputs.shape)}")
    steps, rows, width = outputs.shape
    if steps == 0:
        return outputs.new_zeros(rows, width)
    if lengths is None:
        return outputs[-1]
    lengths = check_lengths(lengths, steps, rows, outputs.device)
    index = (lengths - 1).clamp(min=0)[None, :, None].expand(1, rows, width)
    last = outputs.gather(0, index)[0]
    return torch.where(lengths[:, None] > 0, last, torch.zeros_like(last))


class LastStep(torch.nn.Module):
    """`last_valid` as a module, for use in a chain of modules."""

    def forward(self, outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
        """(T, B, E) to (B, E)."""
        return last_valid(outputs, lengths)
