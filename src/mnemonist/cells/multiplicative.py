"""An LSTM whose recurrent weights depend on the input."""

from __future__ import annotations

from torch import Tensor

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation

__all__ = ["MultiplicativeLSTM"]


class MultiplicativeLSTM(GatedCell):
    """Multiplicative LSTM: every input has its own transition between states (Krause et al. 2016).

    m_t = (W_m x_t) ⊙ (U_m h_{t-1})                         intermediate state, takes h's place
    i_t = σ(W_i x_t + U_i m_t + b_i)
    f_t = σ(W_f x_t + U_f m_t + b_f)
    z_t = φ(W_z x_t + U_z m_t + b_z)
    o_t = σ(W_o x_t + U_o m_t + b_o)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    h_t = o_t ⊙ φ(c_t)

    Args:
        input_size: width I of x.
        hidden_size: width H of h, c and m.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in MultiplicativeLSTM(3, 5).parameters())
    220
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
        (self.factor_x,) = self.gates("factor_x", recurrent_size=0, bias=False)
        (self.factor_h,) = self.gates("factor_h", input_size=0, bias=False)
        self.input, self.forget, self.block, self.output = self.gates(
            "input", "forget", "block", "output"
        )

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        m = self.factor_x(x) * self.factor_h(h=h)
        i = sigma(self.input(x, m))
        f = sigma(self.forget(x, m))
        z = phi(self.block(x, m))
        o = sigma(self.output(x, m))
        c = f * c + i * z
        return o * phi(c), c
