"""What the benchmark of the compiled engine runs: cells, loops written by hand, work and goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from _weights import weights
from torch import Tensor, nn
from torch.nn import functional as F

import mnemonist.nn as ours
from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import program_of

__all__ = ["CASES", "SIZES", "Case", "OwnPeephole", "goals", "work"]

SIZES = [
    *((100, 1, 128), (100, 1, 512), (100, 32, 128), (100, 32, 256), (100, 32, 512)),
    *((1000, 16, 64), (50, 256, 256)),
    *((100, 17, 100), (100, 3, 130)),  # no multiples of anything
]
"""T, B, H; the input is as wide as the layer."""


Step = Callable[..., tuple[Tensor, Tensor]]


class OwnPeephole(Cell):
    """A user's own cell: what the peephole LSTM of the catalogue computes, written by somebody."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.over_x = nn.Linear(input_size, 4 * hidden_size)
        self.over_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.peep = nn.Parameter(torch.randn(3, hidden_size) / 10)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, z, o = (self.over_x(x) + self.over_h(h)).chunk(4, -1)
        i = torch.sigmoid(i + self.peep[0] * c)
        f = torch.sigmoid(f + self.peep[1] * c)
        c = f * c + i * torch.tanh(z)
        return torch.sigmoid(o + self.peep[2] * c) * torch.tanh(c), c


class Loop(nn.Module):
    """A recurrence as a careful user writes it: x projected for all steps, gates in one product.

    Its parameters are those of `_weights`.
    """

    def __init__(self, weights: Mapping[str, Tensor], step: Step) -> None:
        super().__init__()
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight.clone()))
        self.step = step

    def forward(self, x: Tensor) -> tuple[Tensor]:
        h = c = x.new_zeros(x.shape[1], self.U.shape[1])
        given = F.linear(x, self.W, getattr(self, "b", None))
        if self.step is layer_norm:
            given = normal(given, self.gain_x, self.shift_x)
        factors = F.linear(x, self.F) if self.step is multiplicative else x
        outputs = []
        for g, m in zip(given.unbind(0), factors.unbind(0), strict=True):
            h, c = self.step(self, g, h, c, m)
            outputs.append(h)
        return (torch.stack(outputs),)


def normal(v: Tensor, gain: Tensor, shift: Tensor | None = None) -> Tensor:
    return F.layer_norm(v, v.shape[-1:], gain, shift)


def peephole(of: Any, g: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    i, f, z, o = torch.addmm(g, h, of.U.t()).chunk(4, -1)
    i, f = torch.sigmoid(i + of.peep[0] * c), torch.sigmoid(f + of.peep[1] * c)
    c = f * c + i * torch.tanh(z)
    return torch.sigmoid(o + of.peep[2] * c) * torch.tanh(c), c


def coupled(of: Any, g: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    i, z, o = torch.addmm(g, h, of.U.t()).chunk(3, -1)
    c = torch.lerp(c, torch.tanh(z), torch.sigmoid(i + of.peep[0] * c))
    return torch.sigmoid(o + of.peep[1] * c) * torch.tanh(c), c


def reset_before(of: Any, g: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    w = h.shape[1]
    r, z = torch.addmm(g[:, : 2 * w], h, of.U[: 2 * w].t()).sigmoid().chunk(2, -1)
    n = torch.tanh(torch.addmm(g[:, 2 * w :], r * h, of.U[2 * w :].t()))
    return torch.lerp(n, h, z), c


def layer_norm(of: Any, g: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    i, f, z, o = (g + normal(h @ of.U.t(), of.gain_h)).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
    return torch.sigmoid(o) * torch.tanh(normal(c, of.gain_c, of.shift_c)), c


def multiplicative(of: Any, g: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    mixed = m * (h @ of.M.t())
    i, f, z, o = torch.addmm(g, mixed, of.U.t()).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
    return torch.sigmoid(o) * torch.tanh(c), c


@dataclass(frozen=True)
class Case:
    """A cell, and what it is compared with.

    Attributes:
        title: for people.
        cell: its class, or its name in the catalogue.
        jax: its name in `_jax_peer`.
        kind: the name of the layer that both torch.nn and `mnemonist.nn` have.
        step: of the loop by hand, where torch lacks the cell.
    """

    title: str
    cell: str | type[Cell]
    jax: str
    kind: str = ""
    step: Step | None = None

    def layer(self, width: int) -> nn.Module:
        """Ours, on the compiled engine."""
        if self.kind:
            layer = getattr(ours, self.kind)(width, width, executor="native")
        else:
            layer = ours.Recurrent(self.cell, width, width, executor="native")
        with torch.no_grad():  # peepholes and some biases start at zero
            for weight in layer.parameters():
                weight.add_(torch.randn_like(weight), alpha=0.01)
        return layer

    def peer(self, layer: nn.Module) -> nn.Module:
        """torch.nn's layer, or else the loop by hand, with the weights of ours."""
        if self.step is not None:
            return Loop(weights(layer), self.step)
        size = layer.hidden_size
        theirs = getattr(nn, self.kind)(size, size)
        theirs.load_state_dict(layer.state_dict())
        return theirs


CASES = {
    "elman": Case("Elman", "torch_rnn", "elman", "RNN"),
    "lstm": Case("LSTM", "torch_lstm", "lstm", "LSTM"),
    "gru": Case("GRU, reset after", "torch_gru", "gru", "GRU"),
    "peephole": Case("peephole LSTM", "lstm_peephole", "peephole", "", peephole),
    "own": Case("a user's own", OwnPeephole, "peephole", "", peephole),
    "cifg": Case("CIFG", "cifg", "cifg", "", coupled),
    "gru_before": Case("GRU, reset before", "gru_reset_before", "gru_before", "", reset_before),
    "layer_norm": Case("layer-norm LSTM", "lstm_layer_norm", "layer_norm", "", layer_norm),
    "multiplicative": Case(
        "multiplicative LSTM", "lstm_multiplicative", "multiplicative", "", multiplicative
    ),
}


def work(name: str, size: tuple[int, int, int]) -> float:
    """Floating-point operations of the products of a forward pass; backwards there are twice as many."""
    steps, rows, width = size
    cell = CASES[name].cell
    program = program_of((cells.get(cell) if isinstance(cell, str) else cell)(width, width))
    products = [n for n in program.nodes if n.op in ("mm", "bmm")]
    return 2.0 * steps * rows * sum(prod(n.args[1].shape) for n in products)


def goals(name: str, size: tuple[int, int, int], malloc_tuned: bool) -> dict[str, float]:
    """The least that a figure should be, by column; forward and backward."""
    _, rows, width = size
    long = size == (1000, 16, 64)
    found = {"jax": 1.0}
    if rows >= 32 and width >= 128:
        found["share"] = 0.85
    elif rows >= 16 and width >= 64:
        found["share"] = 0.75
    if rows >= 16 and width >= 128:
        found["threads"] = 1.5
    if name == "lstm":
        found["torch"] = 1.2 if long else 1.1 if width <= 128 else 1.0
        if long and not malloc_tuned:
            found["torch"] = 1.8
    elif name in ("gru", "elman"):
        found["torch"] = 5.0 if long else 1.4 if width >= 256 else 1.8 if width == 128 else 1.0
    else:
        least = 20.0 if long else 2.5 if width >= 512 else 3.5 if width >= 128 else 1.0
        found |= {"loop": least, "compile": least}
    if name == "own":
        found["built-in"] = 1 / 1.12
    return found
