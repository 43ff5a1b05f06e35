"""The simple recurrent network, and its identity-initialised form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function

__all__ = ["IRNN", "Elman"]


class Elman(Cell):
    """The simple recurrent network: the hidden layer sees its own past (Elman 1990).

    h_t = φ(W x_t + U h_{t-1} + b)

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ, a name of `mnemonist.cells.ACTIVATIONS` or a function.

    Raises:
        CellError: a size that is not a positive integer, or an unknown activation.

    >>> import torch
    >>> output, state = Elman(3, 5, activation="relu")(torch.zeros(2, 3))
    >>> output.shape
    torch.Size([2, 5])
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, activation: Activation = "tanh"
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activation = activation_function(activation)
        (self.hidden,) = self.gates("hidden")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.activation(self.hidden(x, h))


class IRNN(Elman):
    """Rectified units that start out copying their past (Le, Jaitly & Hinton 2015).

    h_t = relu(W x_t + U h_{t-1} + b)    with U = λI, b = 0 and W ~ N(0, 0.001²) at the start

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        identity_scale: λ; the paper takes 1 for long memories and 0.01 where they are short.

    >>> IRNN(3, 2).hidden.U
    Parameter containing:
    tensor([[1., 0.],
            [0., 1.]], requires_grad=True)
    """

    def __init__(self, input_size: int, hidden_size: int, *, identity_scale: float = 1.0) -> None:
        super().__init__(input_size, hidden_size, activation="relu")
        nn.init.normal_(self.hidden.weight("W"), std=0.001)
        with torch.no_grad():
            self.hidden.weight("U").copy_(identity_scale * torch.eye(hidden_size))
