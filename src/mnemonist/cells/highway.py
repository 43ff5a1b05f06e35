"""Several highway layers within one time step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["RecurrentHighway"]


class RecurrentHighway(Cell):
    """Recurrent highway network: L highway layers in every step (Zilly et al. 2017).

    s⁰ = h_{t-1}
    k^l = φ(W_k x_t [l = 1] + U_k^l s^{l-1} + b_k^l)         candidate,  l = 1..L
    g^l = σ(W_g x_t [l = 1] + U_g^l s^{l-1} + b_g^l)         transform gate
    s^l = k^l ⊙ g^l + s^{l-1} ⊙ (1 - g^l)                    carry gate tied to 1 - g
    h_t = s^L

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        depth: L, layers in a step.
        activation: φ.
        transform_bias: where b_g starts; below 0 the state is carried on at first.

    Raises:
        CellError: `depth` below 1.

    >>> sum(p.numel() for p in RecurrentHighway(3, 5, depth=2).parameters())
    150
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        depth: int = 3,
        activation: Activation = "tanh",
        transform_bias: float = -2.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if depth < 1:
            raise CellError(f"depth, the layers within a step, must be at least 1; got {depth}")
        self.activation = activation_function(activation)
        self.depth = depth
        self.initial_bias = {"transform": transform_bias}
        pairs = [
            self.gates("candidate", "transform", input_size=None if layer == 0 else 0)
            for layer in range(depth)
        ]
        self.candidate = nn.ModuleList(candidate for candidate, _ in pairs)
        self.transform = nn.ModuleList(transform for _, transform in pairs)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        s = h
        for layer, (candidate, transform) in enumerate(zip(self.candidate, self.transform)):
            seen = x if layer == 0 else None
            k = self.activation(candidate(seen, s))
            g = torch.sigmoid(transform(seen, s))
            s = k * g + s * (1 - g)
        return s
