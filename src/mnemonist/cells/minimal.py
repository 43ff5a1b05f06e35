"""Units with a single gate: MGU, UGRNN, JANET."""

from __future__ import annotations

from types import MappingProxyType

from torch import Tensor

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation
from mnemonist.cells.initialise import chrono_

__all__ = ["JANET", "MGU", "UGRNN"]


class MGU(GatedCell):
    """Minimal gated unit: a GRU whose reset and update are one gate (Zhou et al. 2016).

    f_t = σ(W_f x_t + U_f h_{t-1} + b_f)                    forget gate
    n_t = φ(W_n x_t + U_n (f_t ⊙ h_{t-1}) + b_n)            candidate
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t

    Here f = 1 replaces the state, so b_f starts at 0 and not, as an LSTM's, at 1.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.

    >>> sum(p.numel() for p in MGU(3, 5).parameters())
    90
    """

    initial_bias = MappingProxyType({"forget": 0.0})

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
        self.forget, self.candidate = self.gates("forget", "candidate")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        f = sigma(self.forget(x, h))
        n = phi(self.candidate(x, f * h))
        return (1 - f) * h + f * n


class UGRNN(GatedCell):
    """Update gate network: a gate between the past and a simple network (Collins, Sohl-Dickstein & Sussillo 2017).

    g_t = σ(W_g x_t + U_g h_{t-1} + b_g)                    update gate, b_g = 1 at the start
    n_t = φ(W_n x_t + U_n h_{t-1} + b_n)                    candidate
    h_t = g_t ⊙ h_{t-1} + (1 - g_t) ⊙ n_t

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.

    >>> UGRNN(3, 2).update.b
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    initial_bias = MappingProxyType({"update": 1.0})

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
        self.update, self.candidate = self.gates("update", "candidate")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        g = sigma(self.update(x, h))
        n = phi(self.candidate(x, h))
        return g * h + (1 - g) * n


class JANET(GatedCell):
    """Just another network: an LSTM of the forget gate alone (van der Westhuizen & Lasenby 2018).

    s_t = W_f x_t + U_f h_{t-1} + b_f
    n_t = φ(W_n x_t + U_n h_{t-1} + b_n)                    candidate
    h_t = σ(s_t) ⊙ h_{t-1} + (1 - σ(s_t - β)) ⊙ n_t

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        beta: β, how much less is forgotten than let in; the paper takes 1.
        activation: φ.
        gate_activation: σ.
        chrono: the longest dependency expected, in steps, which the paper's own
            initialisation needs (Tallec & Ollivier 2018). Without it b_f = 1.

    >>> JANET(3, 5, chrono=784).forget.b.max() <= 6.7
    tensor(True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        beta: float = 1.0,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
        chrono: int | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.beta = beta
        self.forget, self.candidate = self.gates("forget", "candidate")
        if chrono is not None:
            chrono_(self.forget, None, chrono)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        s = self.forget(x, h)
        n = phi(self.candidate(x, h))
        return sigma(s) * h + (1 - sigma(s - self.beta)) * n
