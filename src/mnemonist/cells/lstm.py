"""Long short-term memory, from 1997 to the projection of 2014."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mnemonist.cells._cell import Cell
from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.cells.initialise import chrono_
from mnemonist.errors import CellError

__all__ = ["LSTM", "NoForgetLSTM", "PeepholeLSTM", "ProjectedLSTM", "UngatedLSTM"]


class UngatedLSTM(Cell):
    """LSTM without gates: a Jordan network with a self-loop of weight 1 (Hochreiter & Schmidhuber 1997).

    h_t = φ(W x_t + U y_{t-1} + b)
    c_t = c_{t-1} + h_t               the constant error carousel alone
    y_t = ψ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h, c and y.
        activation: φ.
        output_activation: ψ, which bounds the sum before it is fed back.

    >>> import torch
    >>> cell = UngatedLSTM(3, 5)
    >>> output, state = cell(torch.zeros(2, 3))
    >>> list(state), dict(cell.output_sizes)
    (['y', 'c'], {'h': 5})
    """

    states = ("y", "c")
    outputs = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        output_activation: Activation = "tanh",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activation = activation_function(activation)
        self.output_activation = activation_function(output_activation)
        (self.hidden,) = self.gates("hidden")

    @property
    def emits(self) -> str:
        return "y"

    def step(self, x: Tensor, y: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.activation(self.hidden(x, y))
        c = c + h
        y = self.output_activation(c)
        return y, c, h


class NoForgetLSTM(GatedCell):
    """The first LSTM, which only adds to its memory (Hochreiter & Schmidhuber 1997).

    i_t = σ(W_i x_t + U_i h_{t-1} + b_i)      input gate
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)      block input
    o_t = σ(W_o x_t + U_o h_{t-1} + b_o)      output gate
    c_t = c_{t-1} + i_t ⊙ z_t
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> NoForgetLSTM(3, 5).states
    ('h', 'c')
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.input, self.block, self.output = self.gates("input", "block", "output")

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h))
        z = phi(self.block(x, h))
        o = sigma(self.output(x, h))
        c = c + i * z
        return o * phi(c), c


class LSTM(GatedCell):
    """Long short-term memory with a forget gate (Gers, Schmidhuber & Cummins 2000).

    i_t = σ(W_i x_t + U_i h_{t-1} + b_i)      input gate
    f_t = σ(W_f x_t + U_f h_{t-1} + b_f)      forget gate
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)      block input
    o_t = σ(W_o x_t + U_o h_{t-1} + b_o)      output gate
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.
        chrono: the longest dependency expected, in steps: b_f and b_i start spread over
            memories up to that length (Tallec & Ollivier 2018). Otherwise b_f = 1, b_i = 0.

    Raises:
        CellError: a size that is not positive, an unknown activation, `chrono` below 3.

    >>> import torch
    >>> cell = LSTM(3, 5)
    >>> output, state = cell(torch.zeros(2, 3))
    >>> output.shape, sum(p.numel() for p in cell.parameters())
    (torch.Size([2, 5]), 180)
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
        chrono: int | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.input, self.forget, self.block, self.output = self.gates(
            "input", "forget", "block", "output"
        )
        if chrono is not None:
            chrono_(self.forget, self.input, chrono)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h))
        f = sigma(self.forget(x, h))
        z = phi(self.block(x, h))
        o = sigma(self.output(x, h))
        c = f * c + i * z
        return o * phi(c), c


class PeepholeLSTM(GatedCell):
    """LSTM whose gates see the cell state (Gers, Schraudolph & Schmidhuber 2002).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)      input gate
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)      forget gate
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)                      block input
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)          output gate
    h_t = o_t ⊙ φ(c_t)

    This is the "vanilla LSTM", V, of Greff et al. 2017.

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.
        chrono: as in `LSTM`.

    >>> cell = PeepholeLSTM(3, 5)
    >>> cell.input.p.shape, cell.block.p
    (torch.Size([5]), None)
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
        chrono: int | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.input, self.forget, self.block, self.output = self.gates(
            "input", "forget", "block", "output", peephole="input forget output"
        )
        if chrono is not None:
            chrono_(self.forget, self.input, chrono)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = sigma(self.forget(x, h, peep=c))
        z = phi(self.block(x, h))
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c))
        return o * phi(c), c


class ProjectedLSTM(GatedCell):
    """LSTM whose state is projected before it is fed back (Sak, Senior & Beaufays 2014).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    m_t = o_t ⊙ φ(c_t)
    h_t = R m_t                                          P values, fed back and emitted

    Args:
        input_size: width I of x.
        hidden_size: width H of c.
        proj_size: width P of h; half of H, rounded up, if not given.
        activation: φ.
        gate_activation: σ.

    Raises:
        CellError: `proj_size` is not between 1 and H.

    >>> dict(ProjectedLSTM(3, 6, proj_size=2).state_sizes)
    {'h': 2, 'c': 6}
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        proj_size: int | None = None,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.proj_size = -(-hidden_size // 2) if proj_size is None else proj_size
        if not 0 < self.proj_size <= hidden_size:
            raise CellError(
                f"proj_size must lie between 1 and hidden_size = {hidden_size}; got {proj_size}"
            )
        self.input, self.forget, self.block, self.output = self.gates(
            "input",
            "forget",
            "block",
            "output",
            peephole="input forget output",
            recurrent_size=self.proj_size,
        )
        (self.projection,) = self.gates(
            "projection", input_size=hidden_size, recurrent_size=0, size=self.proj_size, bias=False
        )

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"h": self.proj_size, "c": self.hidden_size}

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = sigma(self.forget(x, h, peep=c))
        z = phi(self.block(x, h))
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c))
        m = o * phi(c)
        return self.projection(m), c
