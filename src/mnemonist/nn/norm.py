"""Normalisation over whole sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.engine.time import check_lengths, valid_mask
from mnemonist.errors import ShapeError

__all__ = ["SequenceBatchNorm"]


class SequenceBatchNorm(nn.Module):
    """Sequence-wise batch normalisation (Laurent et al. 2016; Deep Speech 2, Amodei et al. 2016).

    y = γ ⊙ (x - μ) / sqrt(σ² + ε) + β

    with μ and σ² of every feature over all time steps of all rows of the batch. Padding is
    left out of the statistics and comes out as zero. In evaluation the running averages
    stand for μ and σ², so that each step is normalised by itself and can be streamed.

    Args:
        size: F, the number of features.
        eps: ε.
        momentum: the share of a new batch in the running averages.

    >>> norm = SequenceBatchNorm(3)
    >>> norm(torch.randn(7, 2, 3), lengths=[7, 4]).shape
    torch.Size([7, 2, 3])
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, size: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.size, self.eps, self.momentum = size, eps, momentum
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | list[int] | None = None,
        *,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Normalise x (T, B, F).

        Args:
            x: (T, B, F).
            lengths: (B,), the steps of each row; all T if not given.
            valid: bool (T, B, 1), the same as a mask, where the caller has it already.

        Raises:
            ShapeError: x has another shape, or the lengths do not fit it.
        """
        if x.dim() != 3 or x.shape[-1] != self.size:
            raise ShapeError(f"x must be (T, B, {self.size}); got {tuple(x.shape)}")
        if lengths is not None:
            valid = valid_mask(check_lengths(lengths, x.shape[0], x.shape[1], x.device), x.shape[0])
        if valid is not None:
            x = x.masked_fill(~valid, 0.0)
        mean, variance = self._statistics(x, valid) if self.training else (None, None)
        if mean is None or variance is None:
            mean, variance = self.running_mean, self.running_var
        normalised = self._normalised(x, mean, variance)
        return normalised if valid is None else normalised.masked_fill(~valid, 0.0)

    def step(self, x: Tensor) -> Tensor:
        """Normalise one step, x (B, F), by the running averages, as in evaluation."""
        return self._normalised(x, self.running_mean, self.running_var)

    def _normalised(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return (x - mean) * (torch.rsqrt(variance + self.eps) * self.weight) + self.bias

    def _statistics(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance over what is valid; the running averages take their share."""
        if valid is None:
            count = x.new_tensor(float(x.shape[0] * x.shape[1]))
            weight = torch.ones((), dtype=x.dtype, device=x.device)
        else:
            weight = valid.to(x.dtype)
            count = weight.sum()
        divisor = count.clamp(min=1.0)
        mean = x.sum((0, 1)) / divisor
        variance = (weight * (x - mean).square()).sum((0, 1)) / divisor
        with torch.no_grad():
            share = self.momentum * (count > 0).to(x.dtype)  # an empty batch changes nothing
            unbiased = variance * (count / (count - 1).clamp(min=1.0))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)
        return mean, variance

    def extra_repr(self) -> str:
        return f"{self.size}, eps={self.eps}, momentum={self.momentum}"
