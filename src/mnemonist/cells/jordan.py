"""Networks whose output is fed back: Jordan, and Jordan with Elman's feedback beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["ElmanJordan", "Jordan"]


class Jordan(Cell):
    """The hidden layer sees the network's last output (Jordan 1986).

    h_t = φ(W x_t + U y_{t-1} + b)
    y_t = ψ(V h_t + c)

    The state is y. Where y is forced to the targets at every step (teacher forcing), nothing
    is left that runs over time.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        output_size: width O of y; H if not given.
        activation: φ.
        output_activation: ψ.

    >>> import torch
    >>> cell = Jordan(3, 5, output_size=2)
    >>> output, state = cell(torch.zeros(4, 3))
    >>> output.shape, dict(cell.state_sizes), dict(cell.output_sizes)
    (torch.Size([4, 2]), {'y': 2}, {'h': 5})
    """

    states = ("y",)
    outputs = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        activation: Activation = "tanh",
        output_activation: Activation = "identity",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = output_size or hidden_size
        self.activation = activation_function(activation)
        self.output_activation = activation_function(output_activation)
        (self.hidden,) = self.gates("hidden", recurrent_size=self.output_size)
        (self.readout,) = self.gates(
            "readout", input_size=hidden_size, recurrent_size=0, size=self.output_size
        )

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"y": self.output_size}

    @property
    def emits(self) -> str:
        return "y"

    def step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        h = self.activation(self.hidden(x, y))
        y = self.output_activation(self.readout(h))
        return y, h


class ElmanJordan(Cell):
    """Both feedbacks at once: hidden to hidden and output to hidden (Elman 1990; Jordan 1986).

    h_t = φ(W x_t + U h_{t-1} + F y_{t-1} + b)      output_to="hidden"
    h_t = φ(W (x_t + F y_{t-1}) + U h_{t-1} + b)    output_to="input"
    y_t = ψ(V h_t + c)

    Appending y to the input is the first form, [W F] [x; y]. Feeding it into the input units
    is the second: y then reaches h through W only.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        output_size: width O of y; H if not given.
        output_to: where y is fed back, "hidden" or "input".
        activation: φ.
        output_activation: ψ.

    Raises:
        CellError: another value of `output_to`.

    >>> import torch
    >>> cell = ElmanJordan(3, 5, output_size=2)
    >>> output, state = cell(torch.zeros(4, 3))
    >>> output.shape, dict(cell.state_sizes)
    (torch.Size([4, 2]), {'h': 5, 'y': 2})
    """

    states = ("h", "y")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        output_to: Literal["hidden", "input"] = "hidden",
        activation: Activation = "tanh",
        output_activation: Activation = "identity",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if output_to not in ("hidden", "input"):
            raise CellError(f"output_to must be 'hidden' or 'input'; got {output_to!r}")
        self.output_size, self.output_to = output_size or hidden_size, output_to
        self.activation = activation_function(activation)
        self.output_activation = activation_function(output_activation)
        (self.hidden,) = self.gates("hidden")
        (self.feedback,) = self.gates(
            "feedback",
            input_size=0,
            recurrent_size=self.output_size,
            size=hidden_size if output_to == "hidden" else input_size,
            bias=False,
        )
        (self.readout,) = self.gates(
            "readout", input_size=hidden_size, recurrent_size=0, size=self.output_size
        )

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"h": self.hidden_size, "y": self.output_size}

    @property
    def emits(self) -> str:
        return "y"

    def step(self, x: Tensor, h: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.output_to == "hidden":
            h = self.activation(self.hidden(x, h) + self.feedback(h=y))
        else:
            h = self.activation(self.hidden(x + self.feedback(h=y), h))
        y = self.output_activation(self.readout(h))
        return h, y
