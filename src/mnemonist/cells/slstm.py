"""LSTM with exponential gates, a normaliser and heads."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.cells._cell import Cell, RecurrentOperand
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["SLSTM"]


class SLSTM(Cell):
    """Scalar LSTM of xLSTM: exponential gates, a normaliser, memory mixed within heads (Beck et al. 2024).

    z_t = φ(W_z x_t + R_z h_{t-1} + b_z)
    a_t = W_i x_t + R_i h_{t-1} + b_i                         log of the input gate
    g_t = log σ(W_f x_t + R_f h_{t-1} + b_f)                  log of the forget gate; without log σ
                                                              if forget_gate="exponential"
    o_t = σ(W_o x_t + R_o h_{t-1} + b_o)
    m_t = max(g_t + m_{t-1}, a_t)                             stabiliser
    i_t = exp(a_t - m_t),   f_t = exp(g_t + m_{t-1} - m_t)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t
    n_t = f_t ⊙ n_{t-1} + i_t                                 normaliser
    h_t = o_t ⊙ c_t / n_t

    Every R is block-diagonal: units see the past of their own head. c and n stand for
    c exp(m) and n exp(m). Before the first step both are 0 and m is -∞, the largest of no
    terms: then n_1 = 1 and h_1 = o_1 ⊙ z_1 however small the input gate. With m_0 = 0 an
    input gate below exp(-104) of the forget gate would leave 0 / 0 in float32.

    Args:
        input_size: width I of x.
        hidden_size: width H of every state.
        heads: blocks of R; a divisor of H.
        forget_gate: "sigmoid" or "exponential"; the paper allows both.
        activation: φ.

    Raises:
        CellError: `heads` does not divide `hidden_size`, or another forget gate.

    >>> import torch
    >>> cell = SLSTM(3, 6, heads=2)
    >>> output, state = cell(torch.zeros(2, 3))
    >>> output.shape, list(state), cell.input.U.shape
    (torch.Size([2, 6]), ['h', 'c', 'n', 'm'], torch.Size([2, 3, 3]))
    """

    states = ("h", "c", "n", "m")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        heads: int = 1,
        forget_gate: Literal["sigmoid", "exponential"] = "sigmoid",
        activation: Activation = "tanh",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if heads < 1 or hidden_size % heads:
            raise CellError(
                f"heads must divide hidden_size = {hidden_size} into equal blocks; got {heads}"
            )
        if forget_gate not in ("sigmoid", "exponential"):
            raise CellError(f"forget_gate must be 'sigmoid' or 'exponential'; got {forget_gate!r}")
        self.heads, self.forget_gate = heads, forget_gate
        self.activation = activation_function(activation)
        self.block, self.input, self.forget, self.output = (
            BlockGate(input_size, hidden_size, heads, bias=self.initial_bias.get(name, 0.0))
            for name in ("block", "input", "forget", "output")
        )

    @property
    def independent_states(self) -> tuple[str, ...]:
        return (
            "h",
        )  # c and n have their scale from m: held back alone they would mean other values

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """Zeros, but -∞ for the stabiliser m."""
        zeros = super().initial_state(batch_size, device=device, dtype=dtype)
        return {**zeros, "m": torch.full_like(zeros["m"], -torch.inf)}

    def step(
        self, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z = self.activation(self.block(x, h))
        a = self.input(x, h)
        g = self.forget(x, h)
        if self.forget_gate == "sigmoid":
            g = F.logsigmoid(g)
        o = torch.sigmoid(self.output(x, h))
        kept, m = g + m, torch.maximum(g + m, a)
        i, f = torch.exp(a - m), torch.exp(kept - m)
        c = f * c + i * z
        n = f * n + i
        return o * c / n, c, n, m


class BlockGate(RecurrentOperand, nn.Module):
    """The affine part of a gate whose recurrent matrix is block-diagonal: W x + R h + b.

    Args:
        input_size: width I of x.
        size: width H of h and of the gate.
        heads: blocks on the diagonal; ``U`` is (heads, H / heads, H / heads).
        bias: where b starts.
    """

    def __init__(self, input_size: int, size: int, heads: int, *, bias: float = 0.0) -> None:
        super().__init__()
        self.heads, self.width, self.operand_size = heads, size // heads, size
        self.W = nn.Parameter(torch.empty(size, input_size))
        self.U = nn.Parameter(torch.empty(heads, self.width, self.width))
        self.b = nn.Parameter(torch.full((size,), bias))
        nn.init.xavier_uniform_(self.W)
        for block in self.U:
            nn.init.orthogonal_(block)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        by_head = self.masked(h).unflatten(-1, (self.heads, self.width))
        mixed = torch.einsum("bki,koi->bko", by_head, self.U).flatten(-2)
        return F.linear(x, self.W, self.b) + mixed
