"""LSTM and GRU with layer normalisation inside the step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation

__all__ = ["LayerNormGRU", "LayerNormLSTM"]


class LayerNormLSTM(GatedCell):
    """LSTM with layer normalisation of both products and of the cell (Ba, Kiros & Hinton 2016).

    [i f z o]_t = LN(U h_{t-1}; α_h) + LN(W x_t; α_x, b)      U = [U_i; U_f; U_z; U_o], W likewise
    c_t = σ(f_t) ⊙ c_{t-1} + σ(i_t) ⊙ φ(z_t)
    h_t = σ(o_t) ⊙ φ(LN(c_t; α_c, β_c))

    LN(a; α, β) = α ⊙ (a - mean a) / sqrt(var a + ε) + β. Mean and variance are those of all
    four gates together, as the paper has it. The paper's second shift is left out: it
    would only be added to b.

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        activation: φ.
        gate_activation: σ.
        eps: ε.

    >>> import torch
    >>> cell = LayerNormLSTM(3, 5)
    >>> output, state = cell(torch.randn(2, 3))
    >>> output.shape, cell.norm_x.bias.unflatten(0, (4, 5))[1]
    (torch.Size([2, 5]), tensor([1., 1., 1., 1., 1.], grad_fn=<SelectBackward0>))
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
        eps: float = 1e-5,
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.input, self.forget, self.block, self.output = self.gates(
            "input", "forget", "block", "output", bias=False
        )
        self.norm_h = nn.LayerNorm(4 * hidden_size, eps=eps, bias=False)
        self.norm_x = nn.LayerNorm(4 * hidden_size, eps=eps)
        self.norm_c = nn.LayerNorm(hidden_size, eps=eps)
        forget_bias = self.norm_x.bias[hidden_size : 2 * hidden_size]
        nn.init.constant_(forget_bias, self.initial_bias["forget"])

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        gates = (self.input, self.forget, self.block, self.output)
        recurrent = torch.cat([gate(h=h) for gate in gates], -1)
        driven = torch.cat([gate(x) for gate in gates], -1)
        i, f, z, o = (self.norm_h(recurrent) + self.norm_x(driven)).chunk(4, -1)
        c = sigma(f) * c + sigma(i) * phi(z)
        return sigma(o) * phi(self.norm_c(c)), c


class LayerNormGRU(GatedCell):
    """GRU with layer normalisation of all products (Ba, Kiros & Hinton 2016).

    [z r]_t = LN(U h_{t-1}; α_h) + LN(W x_t; α_x, b)          U = [U_z; U_r], W likewise
    n_t = φ(LN(W_n x_t; α_n, b_n) + σ(r_t) ⊙ LN(U_n h_{t-1}; α_m, b_m))
    h_t = (1 - σ(z_t)) ⊙ h_{t-1} + σ(z_t) ⊙ n_t

    Here z = 1 replaces the state, as in the paper and unlike `GRU`.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        activation: φ.
        gate_activation: σ.
        eps: ε of the normalisation.

    >>> import torch
    >>> output, state = LayerNormGRU(3, 5)(torch.randn(2, 3))
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
        eps: float = 1e-5,
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        self.update, self.reset, self.candidate = self.gates(
            "update", "reset", "candidate", bias=False
        )
        self.norm_h = nn.LayerNorm(2 * hidden_size, eps=eps, bias=False)
        self.norm_x = nn.LayerNorm(2 * hidden_size, eps=eps)
        self.norm_candidate = nn.LayerNorm(hidden_size, eps=eps)
        self.norm_memory = nn.LayerNorm(hidden_size, eps=eps)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        sigma, phi = self.gate_activation, self.activation
        recurrent = torch.cat([self.update(h=h), self.reset(h=h)], -1)
        driven = torch.cat([self.update(x), self.reset(x)], -1)
        z, r = sigma(self.norm_h(recurrent) + self.norm_x(driven)).chunk(2, -1)
        n = phi(self.norm_candidate(self.candidate(x)) + r * self.norm_memory(self.candidate(h=h)))
        return (1 - z) * h + z * n
