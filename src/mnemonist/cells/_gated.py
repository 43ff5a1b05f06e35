"""What cells with gates share: a squashing function for content and one for gates."""

from __future__ import annotations

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function

__all__ = ["GatedCell"]


class GatedCell(Cell):
    """A cell whose equations have a φ (``activation``) and a σ (``gate_activation``).

    Args:
        input_size: width I of x.
        hidden_size: width H of the states.
        activation: φ, a name of `mnemonist.cells.ACTIVATIONS` or a function.
        gate_activation: σ, likewise.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activation = activation_function(activation)
        self.gate_activation = activation_function(gate_activation)
