"""The eight variants of the LSTM that Greff et al. (2017) compare, by their names.

Each leaves one thing out of, or adds one to, the vanilla LSTM V, which is `PeepholeLSTM`.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor

from mnemonist.cells._cell import Gate
from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation
from mnemonist.cells.lstm import LSTM

__all__ = ["CIFG", "FGR", "NFG", "NIAF", "NIG", "NOAF", "NOG", "NP"]


class _Variant(GatedCell):
    """A GatedCell with the states of an LSTM and the gates that ``wanted`` names."""

    input: Gate
    forget: Gate
    block: Gate
    output: Gate

    states: tuple[str, ...] = ("h", "c")
    wanted = "input forget block output"

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
        names = self.wanted.split()
        for name, gate in zip(names, self.gates(*names, peephole="input forget output")):
            setattr(self, name, gate)


class NIG(_Variant):
    """No input gate: LSTM that lets every new content in (Greff et al. 2017).

    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in NIG(3, 5).parameters())
    145
    """

    wanted = "forget block output"

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        f = sigma(self.forget(x, h, peep=c))
        z = phi(self.block(x, h))
        c = f * c + z
        o = sigma(self.output(x, h, peep=c))
        return o * phi(c), c


class NFG(_Variant):
    """No forget gate: LSTM that only adds to its memory (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in NFG(3, 5).parameters())
    145
    """

    wanted = "input block output"

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        z = phi(self.block(x, h))
        c = c + i * z
        o = sigma(self.output(x, h, peep=c))
        return o * phi(c), c


class NOG(_Variant):
    """No output gate: LSTM that always shows its memory (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    h_t = φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in NOG(3, 5).parameters())
    145
    """

    wanted = "input forget block"

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = sigma(self.forget(x, h, peep=c))
        z = phi(self.block(x, h))
        c = f * c + i * z
        return phi(c), c


class NIAF(_Variant):
    """No input activation function: LSTM with a linear block input (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    z_t = W_z x_t + U_z h_{t-1} + b_z
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in NIAF(3, 5).parameters())
    195
    """

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = sigma(self.forget(x, h, peep=c))
        z = self.block(x, h)
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c))
        return o * phi(c), c


class NOAF(_Variant):
    """No output activation function: LSTM that shows its memory unsquashed (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ c_t

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in NOAF(3, 5).parameters())
    195
    """

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = sigma(self.forget(x, h, peep=c))
        z = phi(self.block(x, h))
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c))
        return o * c, c


class CIFG(_Variant):
    """Coupled input and forget gate: what is forgotten makes room (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = 1 - i_t
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ φ(c_t)

    b_i starts at -1, so that f starts where a forget gate with bias 1 does.

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in CIFG(3, 5).parameters())
    145
    """

    wanted = "input block output"
    initial_bias = MappingProxyType({"input": -1.0})

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        i = sigma(self.input(x, h, peep=c))
        f = 1 - i
        z = phi(self.block(x, h))
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c))
        return o * phi(c), c


class NP(LSTM):
    """No peepholes: the LSTM of most libraries (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    h_t = o_t ⊙ φ(c_t)

    These are the equations of `LSTM`; the name is here so that the eight are complete.

    >>> sum(p.numel() for p in NP(3, 5).parameters())
    180
    """


class FGR(_Variant):
    """Full gate recurrence: all gates see what all gates did a step ago (Greff et al. 2017).

    i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i + R_i [i_{t-1}; f_{t-1}; o_{t-1}])
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f + R_f [i_{t-1}; f_{t-1}; o_{t-1}])
    z_t = φ(W_z x_t + U_z h_{t-1} + b_z)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o + R_o [i_{t-1}; f_{t-1}; o_{t-1}])
    h_t = o_t ⊙ φ(c_t)

    The three gates are states. Each R is (H, 3H): nine matrices more than V has.

    Args:
        input_size: width I of x.
        hidden_size: width H of h, c and the gates.
        activation: φ.
        gate_activation: σ.

    >>> FGR(3, 5).states, sum(p.numel() for p in FGR(3, 5).parameters())
    (('h', 'c', 'i', 'f', 'o'), 420)
    """

    states = ("h", "c", "i", "f", "o")

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
        self.gates_to_input, self.gates_to_forget, self.gates_to_output = self.gates(
            "gates_to_input",
            "gates_to_forget",
            "gates_to_output",
            input_size=0,
            recurrent_size=3 * hidden_size,
            bias=False,
        )

    @property
    def independent_states(self) -> tuple[str, ...]:
        return ("h", "c")

    def step(
        self, x: Tensor, h: Tensor, c: Tensor, i: Tensor, f: Tensor, o: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        gates = torch.cat([i, f, o], -1)
        i = sigma(self.input(x, h, peep=c) + self.gates_to_input(h=gates))
        f = sigma(self.forget(x, h, peep=c) + self.gates_to_forget(h=gates))
        z = phi(self.block(x, h))
        c = f * c + i * z
        o = sigma(self.output(x, h, peep=c) + self.gates_to_output(h=gates))
        return o * phi(c), c, i, f, o
