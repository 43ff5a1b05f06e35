"""Gated recurrent units, with the reset after and before the matrix product."""

from __future__ import annotations

from torch import Tensor

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation
from mnemonist.cells.initialise import chrono_

__all__ = ["GRU", "GRUResetBefore"]


class GRU(GatedCell):
    """Gated recurrent unit, reset after the matrix product: torch.nn's and cuDNN's form (Cho et al. 2014, v3).

    r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                    reset gate
    z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                    update gate
    n_t = φ(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b_m))      candidate
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    The recurrent part of the candidate has a bias b_m of its own, because the reset gate
    acts on it and not on b_n.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.
        chrono: the longest dependency expected, in steps: b_z starts spread over memories
            up to that length (Tallec & Ollivier 2018). Otherwise 0.

    >>> import torch
    >>> output, state = GRU(3, 5)(torch.zeros(2, 3))
    >>> output.shape
    torch.Size([2, 5])
    """

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
        self.reset, self.update = self.gates("reset", "update")
        (self.candidate,) = self.gates("candidate", recurrent_size=0)
        (self.memory,) = self.gates("memory", input_size=0)
        if chrono is not None:
            chrono_(self.update, None, chrono)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        r = sigma(self.reset(x, h))
        z = sigma(self.update(x, h))
        n = phi(self.candidate(x) + r * self.memory(h=h))
        return (1 - z) * n + z * h


class GRUResetBefore(GatedCell):
    """Gated recurrent unit, reset before the matrix product (Cho et al. 2014, v1).

    r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                    reset gate
    z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                    update gate
    n_t = φ(W_n x_t + U_n (r_t ⊙ h_{t-1}) + b_n)            candidate
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.
        chrono: as in `GRU`.

    >>> sum(p.numel() for p in GRUResetBefore(3, 5).parameters())
    135
    """

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
        self.reset, self.update, self.candidate = self.gates("reset", "update", "candidate")
        if chrono is not None:
            chrono_(self.update, None, chrono)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        r = sigma(self.reset(x, h))
        z = sigma(self.update(x, h))
        n = phi(self.candidate(x, r * h))
        return (1 - z) * n + z * h
