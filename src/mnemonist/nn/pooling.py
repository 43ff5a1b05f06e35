"""One vector from a sequence of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.engine.time import check_lengths, valid_mask
from mnemonist.errors import ShapeError

__all__ = ["AttentionPool", "LastStep", "last_valid", "max_valid", "mean_valid"]


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
    steps, rows, width = _shape(outputs)
    if steps == 0:
        return outputs.new_zeros(rows, width)
    if lengths is None:
        return outputs[-1]
    lengths = check_lengths(lengths, steps, rows, outputs.device)
    index = (lengths - 1).clamp(min=0)[None, :, None].expand(1, rows, width)
    last = outputs.gather(0, index)[0]
    return torch.where(lengths[:, None] > 0, last, torch.zeros_like(last))


def mean_valid(outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
    """The mean over each row's valid steps: (T, B, E) to (B, E).

    A row of length 0 gives zeros, and so does every row where T = 0.

    Args, Raises:
        as `last_valid`.

    >>> mean_valid(torch.arange(6.0).reshape(3, 2, 1), [1, 3])
    tensor([[0.],
            [3.]])
    """
    valid, count = _valid(outputs, lengths)
    return outputs.masked_fill(~valid, 0.0).sum(0) / count.clamp(min=1)


def max_valid(outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
    """The largest value of each unit over each row's valid steps: (T, B, E) to (B, E).

    A row of length 0 gives zeros, and so does every row where T = 0.

    Args, Raises:
        as `last_valid`.

    >>> max_valid(torch.tensor([[[-2.0]], [[-1.0]], [[9.0]]]), [2])
    tensor([[-1.]])
    """
    valid, count = _valid(outputs, lengths)
    if not len(outputs):
        return outputs.new_zeros(outputs.shape[1:])
    # the lowest number and not -inf: a row without any valid step must not be NaN
    lowest = torch.finfo(outputs.dtype).min
    largest = outputs.masked_fill(~valid, lowest).amax(0)
    return largest.masked_fill(count == 0, 0.0)


class AttentionPool(nn.Module):
    """A learned mean over time: what matters weighs more.

    u_t = tanh(W h_t + b),    α = softmax_t(v · u_t),    s = Σ_t α_t h_t

    Yang, Yang, Dyer, He, Smola & Hovy 2016. The softmax is over each row's valid steps; a row
    of length 0 gives zeros.

    Args:
        input_size: E, width of h.
        size: width of u; E if not given.

    >>> pool = AttentionPool(4)
    >>> pool(torch.randn(7, 3, 4), [7, 2, 0]).shape
    torch.Size([3, 4])
    """

    def __init__(self, input_size: int, size: int | None = None) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_size, size or input_size)
        self.score = nn.Linear(size or input_size, 1, bias=False)

    def forward(self, outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
        """(T, B, E) to (B, E)."""
        valid, _ = _valid(outputs, lengths)
        outputs = outputs.masked_fill(~valid, 0.0)
        return (self.weights(outputs, lengths) * outputs).sum(0)

    def weights(self, outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
        """α, (T, B, 1): 0 behind the end of a row."""
        valid, _ = _valid(outputs, lengths)
        scores = self.score(torch.tanh(self.hidden(outputs)))
        scores = scores.masked_fill(~valid, torch.finfo(scores.dtype).min)
        return scores.softmax(0).masked_fill(~valid, 0.0)


def _shape(outputs: Tensor) -> tuple[int, int, int]:
    if outputs.dim() != 3:
        raise ShapeError(f"outputs must be (T, B, E); got {tuple(outputs.shape)}")
    steps, rows, width = outputs.shape
    return steps, rows, width


def _valid(outputs: Tensor, lengths: Tensor | list[int] | None) -> tuple[Tensor, Tensor]:
    """Which steps count, (T, B, 1), and how many they are in each row, (B, 1)."""
    steps, rows, _ = _shape(outputs)
    if lengths is None:
        lengths = torch.full((rows,), steps)
    lengths = check_lengths(lengths, steps, rows, outputs.device)
    return valid_mask(lengths, steps), lengths[:, None]


class LastStep(nn.Module):
    """`last_valid` as a module, for use in a chain of modules."""

    def forward(self, outputs: Tensor, lengths: Tensor | list[int] | None = None) -> Tensor:
        """(T, B, E) to (B, E)."""
        return last_valid(outputs, lengths)
