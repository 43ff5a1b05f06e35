"""Units that see no past but their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["IndRNN"]


class IndRNN(Cell):
    """Independently recurrent units: the recurrent matrix is a diagonal (Li et al. 2018).

    h_t = φ(W x_t + u ⊙ h_{t-1} + b)

    Units meet in the next layer only, so stack at least two. Dropout of recurrent weights has
    nothing to fall on: rescaled by 1 / (1 - p), a diagonal would grow at every step.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        recurrent_range: the bounds between which u is drawn at the start. Memory of T steps
            wants values near 1, but not above 2^(1/T).

    Raises:
        CellError: a size that is not a positive integer, or bounds that are none.

    >>> IndRNN(3, 5).u.shape
    torch.Size([5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "relu",
        recurrent_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activation = activation_function(activation)
        (self.hidden,) = self.gates("hidden", recurrent_size=0)
        low, high = _bounds(recurrent_range)
        self.u = nn.Parameter(torch.empty(hidden_size).uniform_(low, high))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.activation(self.hidden(x) + self.u * h)


def _bounds(given: object) -> Sequence[float]:
    if not isinstance(given, Sequence) or len(given) != 2 or not given[0] <= given[1]:
        raise CellError(f"recurrent_range must be two numbers, the lower one first; got {given!r}")
    return given
