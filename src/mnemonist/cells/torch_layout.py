"""Cells in torch.nn's own layout: its parameter names, gate order, both biases, its initialisation.

The drop-in layers are made of these, so that checkpoints load both ways and the same seed
gives the same weights. For new work take the cells whose gates have names.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["TorchGRU", "TorchLSTM", "TorchRNN"]


class _TorchCell(Cell):
    """Stacked weights, registered and drawn in the order in which torch.nn does it."""

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        gates: int,
        bias: bool,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.bias, rows = bias, gates * hidden_size
        self.operand_size = proj_size or hidden_size

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight_ih = weight(rows, input_size)
        self.weight_hh = weight(rows, proj_size or hidden_size)
        self.bias_ih = weight(rows) if bias else None
        self.bias_hh = weight(rows) if bias else None
        if proj_size:
            self.weight_hr = weight(proj_size, hidden_size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in ±1/√H, every parameter, in the order of registration: torch's own draws."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}{'' if self.bias else ', bias=False'}"


class TorchRNN(_TorchCell):
    """Simple recurrent network with torch.nn.RNN's parameters (Elman 1990).

    h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        bias: whether there are b_ih and b_hh, (H,) each.
        activation: φ; torch has "tanh" and "relu".

    >>> cell = TorchRNN(3, 5)
    >>> [name for name, _ in cell.named_parameters()]
    ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activation: Activation = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, gates=1, bias=bias, device=device, dtype=dtype)
        self.activation = activation_function(activation)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        total = F.linear(x, self.weight_ih, self.bias_ih)
        return self.activation(total + F.linear(self.masked(h), self.weight_hh, self.bias_hh))


class TorchLSTM(_TorchCell):
    """LSTM with torch.nn.LSTM's parameters (Gers, Schmidhuber & Cummins 2000; projection: Sak et al. 2014).

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)      rows 0..H of the stacked weights
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)      rows H..2H
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)   rows 2H..3H
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)      rows 3H..4H
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(c_t)                               with projection: W_hr (o_t ⊙ tanh(c_t))

    Args:
        input_size: width I of x.
        hidden_size: width H of c, and of h unless it is projected.
        bias: whether there are b_ih and b_hh, (4H,) each.
        proj_size: width P of h, 0 < P < H, or 0 for no projection.

    Raises:
        CellError: `proj_size` is not smaller than `hidden_size`, or negative.

    >>> dict(TorchLSTM(3, 5, proj_size=2).state_sizes)
    {'h': 2, 'c': 5}
    """

    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not 0 <= proj_size < hidden_size:
            raise CellError(
                f"proj_size must be 0 (none) or smaller than hidden_size = {hidden_size}; "
                f"got {proj_size}"
            )
        super().__init__(
            input_size,
            hidden_size,
            gates=4,
            bias=bias,
            proj_size=proj_size,
            device=device,
            dtype=dtype,
        )
        self.proj_size = proj_size

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"h": self.proj_size or self.hidden_size, "c": self.hidden_size}

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        gates = F.linear(x, self.weight_ih, self.bias_ih)
        gates = gates + F.linear(self.masked(h), self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return (F.linear(h, self.weight_hr) if self.proj_size else h), c


class TorchGRU(_TorchCell):
    """GRU with torch.nn.GRU's parameters: the reset after the product (Cho et al. 2014, version 3).

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)            rows 0..H of the stacked weights
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)            rows H..2H
    n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn)) rows 2H..3H
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        bias: whether there are b_ih and b_hh, (3H,) each.

    >>> TorchGRU(3, 5, bias=False).weight_hh.shape
    torch.Size([15, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, gates=3, bias=bias, device=device, dtype=dtype)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r_x, z_x, n_x = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        r_h, z_h, n_h = F.linear(self.masked(h), self.weight_hh, self.bias_hh).chunk(3, -1)
        r = torch.sigmoid(r_x + r_h)
        z = torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return (1 - z) * n + z * h
