"""Cells that are linear in their state: their whole sequence can be computed at once."""

from __future__ import annotations

from torch import Tensor

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation

__all__ = ["MinGRU", "MinLSTM"]


class MinGRU(GatedCell):
    """GRU whose gate and candidate see the input only (Feng et al. 2024).

    z_t = σ(W_z x_t + b_z)                    update gate
    n_t = φ(W_n x_t + b_n)                    candidate; φ is the identity in the paper
    h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t

    Linear in h with coefficients known beforehand, so a parallel scan replaces the loop.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in MinGRU(3, 5).parameters())
    40
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "identity",
        gate_activation: Activation = "sigmoid",
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.update, self.candidate = self.gates("update", "candidate", recurrent_size=0)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = self.gate_activation(self.update(x))
        n = self.activation(self.candidate(x))
        return (1 - z) * h + z * n


class MinLSTM(GatedCell):
    """LSTM whose gates see the input only and share one unit between them (Feng et al. 2024).

    f_t = σ(W_f x_t + b_f)                    forget gate
    i_t = σ(W_i x_t + b_i)                    input gate
    n_t = φ(W_n x_t + b_n)                    candidate; φ is the identity in the paper
    h_t = f_t / (f_t + i_t) ⊙ h_{t-1} + i_t / (f_t + i_t) ⊙ n_t

    Linear in h with coefficients known beforehand, so a parallel scan replaces the loop.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.

    >>> sum(p.numel() for p in MinLSTM(3, 5).parameters())
    60
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, activation: Activation = "identity"
    ) -> None:
        super().__init__(input_size, hidden_size, activation=activation)
        self.forget, self.input, self.candidate = self.gates(
            "forget", "input", "candidate", recurrent_size=0
        )

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        f = self.gate_activation(self.forget(x))
        i = self.gate_activation(self.input(x))
        n = self.activation(self.candidate(x))
        return f / (f + i) * h + i / (f + i) * n
