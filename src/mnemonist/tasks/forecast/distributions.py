"""What a network says about each future step: one value, quantiles, or a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.tasks.forecast.config import ForecastConfig

__all__ = ["Distribution", "Point", "Quantiles", "StudentT", "distribution", "quantile_levels"]


class Distribution(Protocol):
    """How raw outputs (..., size) are read; raw output 0 is always the centre.

    Because everything else is relative to the centre, adding an anchor to output 0 moves
    the whole distribution.
    """

    size: int

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The summed loss of raw (..., size) for target (...)."""

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> np.ndarray | None:
        """(..., Q), the quantiles at `levels`; None where the network states none."""


def quantile_levels(levels: Sequence[float]) -> list[float]:
    """The quantiles that bound central intervals of the given levels, and the median, rising.

    >>> quantile_levels([0.8])
    [0.1, 0.5, 0.9]
    """
    tails = [round((1 - level) / 2, 9) for level in levels]
    return sorted({0.5, *tails, *(round(1 - tail, 9) for tail in tails)})


class Point:
    """One value; squared error, absolute error, or Huber's (1964, δ = 1).

    >>> float(Point("squared").loss(torch.tensor([[3.0]]), torch.tensor([1.0])))
    4.0
    """

    size = 1

    def __init__(self, loss: str = "squared") -> None:
        self.kind = loss

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        value = raw[..., 0]
        if self.kind == "absolute":
            return (value - target).abs().sum()
        if self.kind == "huber":
            return F.huber_loss(value, target, reduction="sum")
        return (value - target).square().sum()

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> None:
        return None


class Quantiles:
    """Quantiles q_1 < ... < q_Q that cannot cross; mean pinball loss (Koenker & Bassett 1978).

    Raw output 0 is the median; the others are distances from one quantile to the next, made
    positive by softplus, upwards and downwards from it.

    >>> quantiles = Quantiles([0.1, 0.5, 0.9])
    >>> values = quantiles.values(torch.randn(4, 3))
    >>> bool((values[:, 1:] > values[:, :-1]).all())
    True

    Args:
        levels: rising, with 0.5 in the middle.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = list(levels)
        self.middle = self.levels.index(0.5)
        self.size = len(self.levels)

    def values(self, raw: Tensor) -> Tensor:
        """(..., Q)."""
        median = raw[..., :1]
        # softplus(-2) = 0.13: the first guess is a narrow band, which training widens
        apart = F.softplus(raw[..., 1:] - 2)
        below = median - apart[..., : self.middle].cumsum(-1)
        above = median + apart[..., self.middle :].cumsum(-1)
        return torch.cat([below.flip(-1), median, above], -1)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        error = target[..., None] - self.values(raw)
        levels = error.new_tensor(self.levels)
        return torch.maximum(levels * error, (levels - 1) * error).mean(-1).sum()

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> np.ndarray:
        values = self.values(raw).double().numpy()
        return values[..., [self.levels.index(level) for level in levels]]


class StudentT:
    """Student's t with location, scale and degrees of freedom ν > 2; negative log-likelihood.

    -log p = -lgamma((ν + 1)/2) + lgamma(ν/2) + ½ log(νπ) + log s + (ν + 1)/2 log(1 + z²/ν),
    z = (y - m) / s.

    >>> raw = torch.zeros(1, 3)
    >>> [round(float(q), 3) for q in StudentT().quantiles(raw, [0.1, 0.5, 0.9])[0]]
    [-0.5, 0.0, 0.5]
    """

    size = 3

    def parameters(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Location, scale and degrees of freedom."""
        return raw[..., 0], F.softplus(raw[..., 1] - 1) + 1e-4, 2 + F.softplus(raw[..., 2] + 1)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        location, scale, freedom = self.parameters(raw)
        z = (target - location) / scale
        half = (freedom + 1) / 2
        density = (
            torch.lgamma(freedom / 2)
            - torch.lgamma(half)
            + 0.5 * (freedom * pi).log()
            + scale.log()
            + half * torch.log1p(z.square() / freedom)
        )
        return density.sum()

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> np.ndarray:
        from scipy.special import stdtrit

        location, scale, freedom = (part.double().numpy() for part in self.parameters(raw))
        standard = stdtrit(freedom[..., None], np.asarray(levels))
        return location[..., None] + scale[..., None] * standard


def distribution(config: ForecastConfig) -> Distribution:
    """The one that a configuration asks for."""
    if config.distribution == "point":
        return Point(config.loss)
    if config.distribution == "student_t":
        return StudentT()
    return Quantiles(quantile_levels(config.levels))
