"""Cells that stress the tracer: each does something in its own way."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn import functional as F

from mnemonist.cells import Cell
from mnemonist.cells._cell import Gate


class LSTM(Cell):
    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        names = ("input", "forget", "block", "output")
        self.input, self.forget, self.block, self.output = self.gates(*names)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f = sigmoid(self.input(x, h)), sigmoid(self.forget(x, h))
        z, o = tanh(self.block(x, h)), sigmoid(self.output(x, h))
        c = f * c + i * z
        return o * tanh(c), c


class Peephole(Cell):
    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        names = ("input", "forget", "block", "output")
        made = self.gates(*names, peephole="input forget output")
        self.input, self.forget, self.block, self.output = made

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i = sigmoid(self.input(x, h, peep=c))
        f = sigmoid(self.forget(x, h, peep=c))
        c = f * c + i * tanh(self.block(x, h))
        o = sigmoid(self.output(x, h, peep=c))
        return o * tanh(c), c


class FusedLSTM(Cell):
    """torch's own layout: two matrices, two biases, one chunk."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(4 * hidden_size))

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        g = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, z, o = g.chunk(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(z)
        return sigmoid(o) * tanh(c), c


class GRUAfter(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.reset, self.update = self.gates("reset", "update")
        (self.new,) = self.gates("new", recurrent_size=0)
        self.inner = nn.Linear(hidden_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r, z = sigmoid(self.reset(x, h)), sigmoid(self.update(x, h))
        n = tanh(self.new(x) + r * self.inner(h))
        return (1 - z) * n + z * h


class GRUBefore(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.reset, self.update, self.new = self.gates("reset", "update", "new")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r, z = sigmoid(self.reset(x, h)), sigmoid(self.update(x, h))
        return torch.lerp(tanh(self.new(x, r * h)), h, z)


class Readout(Cell):
    """An output that is not fed back: it must sink behind the loop."""

    outputs = ("y",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")
        self.readout = nn.Linear(hidden_size, 3)

    @property
    def output_sizes(self) -> dict[str, int]:
        return {"y": 3}

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = tanh(self.hidden(x, h))
        return h, self.readout(h).softmax(-1)


class Jordan(Cell):
    states = ("y",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden", recurrent_size=3)
        self.readout = nn.Linear(hidden_size, 3)

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"y": 3}

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        return tanh(self.readout(sigmoid(self.hidden(x, y))))


class LayerNormLSTM(Cell):
    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.over_x = nn.Linear(input_size, 4 * hidden_size)
        self.over_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.norm_x, self.norm_h = nn.LayerNorm(4 * hidden_size), nn.LayerNorm(4 * hidden_size)
        self.norm_c = nn.LayerNorm(hidden_size)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.norm_x(self.over_x(x)) + self.norm_h(self.over_h(h))
        i, f, z, o = gates.chunk(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(z)
        return sigmoid(o) * tanh(self.norm_c(c)), c


class BlockLSTM(Cell):
    """Exponential gates over block-diagonal recurrent weights, with a stabiliser (sLSTM)."""

    states = ("h", "c", "n", "m")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.heads = 3 if hidden_size % 3 == 0 else 1
        width = hidden_size // self.heads
        self.over_x = nn.ModuleList(nn.Linear(input_size, hidden_size) for _ in range(4))
        blocks = (torch.randn(self.heads, width, width) / width**0.5 for _ in range(4))
        self.over_h = nn.ParameterList(blocks)

    def _gate(self, i: int, x: Tensor, h: Tensor) -> Tensor:
        blocks = h.unflatten(-1, (self.heads, -1))
        return self.over_x[i](x) + torch.einsum("bgi,goi->bgo", blocks, self.over_h[i]).flatten(1)

    def step(self, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, ...]:
        i, f = self._gate(0, x, h), F.logsigmoid(self._gate(1, x, h))
        peak = torch.maximum(f + m, i)
        i, f = torch.exp(i - peak), torch.exp(f + m - peak)
        c = f * c + i * tanh(self._gate(2, x, h))
        n = f * n + i
        return sigmoid(self._gate(3, x, h)) * c / n.abs().clamp(min=1e-3), c, n, peak


class Highway(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        sizes = (input_size, 0, 0)
        self.h = nn.ModuleList(Gate(i, hidden_size, hidden_size) for i in sizes)
        self.t = nn.ModuleList(Gate(i, hidden_size, hidden_size) for i in sizes)

    def step(self, x: Tensor, s: Tensor) -> Tensor:
        for layer, (h, t) in enumerate(zip(self.h, self.t, strict=True)):
            given = x if layer == 0 else None
            gate = sigmoid(t(given, s))
            s = tanh(h(given, s)) * gate + s * (1 - gate)
        return s


class Leaky(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")
        self.rate = nn.Parameter(torch.rand(hidden_size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        rate = sigmoid(self.rate)
        return (1 - rate) * h + rate * tanh(self.hidden(x, h))


class WeightNorm(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.over_x = nn.utils.parametrizations.weight_norm(nn.Linear(input_size, hidden_size))
        over_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.over_h = nn.utils.parametrizations.orthogonal(over_h)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.over_x(x) + self.over_h(h))


class Masked(Cell):
    """A mask among the inputs of a step."""

    @property
    def extra_sizes(self) -> dict[str, int]:
        return {"mask": self.hidden_size}

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")

    def draw_extras(self, steps: int, batch_size: int, **options: Any) -> dict[str, Tensor]:
        return {"mask": torch.rand(1, batch_size, self.hidden_size, **options)}

    def step(self, x: Tensor, h: Tensor, mask: Tensor) -> Tensor:
        return mask * h + (1 - mask) * tanh(self.hidden(x, h))


class Minimal(Cell):
    """Linear in its state: a scan."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.update, self.new = self.gates("update", "new", recurrent_size=0)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = sigmoid(self.update(x))
        return (1 - z) * h + z * self.new(x)


class Simple(Cell):
    """One gate; the cells below differ in what they do with it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")


class FusedOdd(Cell):
    states = ("h", "k")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.fused = nn.Linear(input_size + hidden_size, 3 * hidden_size + 1)
        self.mode = "soft"
        self.tau = nn.Parameter(torch.tensor(1.7))
        self.register_buffer("w", torch.linspace(0.1, 1, hidden_size))

    def step(self, x: Tensor, h: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        g = self.fused(torch.cat([x, h], -1))
        a, b, c = g[:, :-1].chunk(3, dim=-1)
        a = F.softplus(a) / self.tau if self.mode == "soft" else a.relu()
        c = torch.where(c > 0, c, 0.1 * c) - c.mean(-1, keepdim=True)
        p = torch.softmax(b.unsqueeze(1), -1).flatten(1) * self.w
        k = torch.lerp(k, c, p) * sigmoid(g[..., -1:]) + 0.01 * b.max(-1, keepdim=True).values
        return torch.tanh(a * k) + F.leaky_relu(h) * 0.3 + x.amax(-1, keepdim=True), k


class ListOfChunks(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.f = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        parts = [sigmoid(p) for p in self.f(torch.cat((x, h), dim=-1)).chunk(4, dim=-1)]
        first, *rest = parts
        return first * sum(rest) / math.sqrt(len(parts) * h.shape[-1])


class Activations(Simple):
    """One after the other, at their corners too (half the units start at zero)."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        for f in (F.elu, F.celu, F.selu, F.gelu, F.silu, F.softsign, F.hardswish, F.mish):
            g = g + 0.1 * f(g)
        g = F.relu6(g) + F.hardtanh(g) + F.hardsigmoid(g) + F.leaky_relu(g) + F.relu(g)
        return tanh(g + F.gelu(g, approximate="tanh") + F.logsigmoid(g) + F.softplus(g, beta=2))


class Mathematics(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = 0.3 * self.hidden(x, h)
        g = torch.sin(g) * torch.cos(g) + torch.erf(g) + torch.exp2(-g * g) + 2 ** -g.abs()
        g = (
            g
            + torch.log1p(g * g)
            + torch.rsqrt(1 + g * g)
            + torch.expm1(-(g**2))
            + 1 / (2 + g.sin())
        )
        g = torch.addcmul(g, h, h, value=0.5) + F.normalize(g, dim=-1) + g.std(-1, keepdim=True)
        g = g.clamp(-2, 2) + torch.logsumexp(g, -1, keepdim=True) + g.norm(dim=-1, keepdim=True)
        return torch.sin(0.1 * g)


class Passthrough(Cell):
    """A state that never changes, one that depends on x only, and a delay line."""

    states = ("h", "a", "b", "d")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")
        (self.inward,) = self.gates("inward", recurrent_size=0)

    def step(self, x: Tensor, h: Tensor, a: Tensor, b: Tensor, d: Tensor) -> tuple[Tensor, ...]:
        return tanh(self.hidden(x, h)) + b + d.detach(), a, self.inward(x), h


class RawMatmul(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.randn(input_size, hidden_size))
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        skew = self.U - self.U.T - 0.1 * torch.eye(self.hidden_size, dtype=h.dtype)
        return tanh(x @ self.W + torch.einsum("bi,oi->bo", h, skew))


class Sandwich(Cell):
    """Modules inside a step: normalisation and two layers."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        layers = nn.Linear(input_size + hidden_size, 8), nn.SiLU(), nn.LayerNorm(8)
        self.act = nn.Sequential(*layers, nn.Linear(8, hidden_size), nn.Tanh())

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.act(torch.cat([x, h], -1)) + h.new_zeros(h.shape)


class CellInCell(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.cell = nn.GRUCell(input_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.cell(x, h)


class Heads(Cell):
    """Sums and means over groups of units, repeated rows, NaN taken for zero."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden", size=3 * hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h) * torch.sigmoid(h).repeat(1, 3)
        heads = g.unflatten(-1, (3, -1))
        h = heads.sum(1) * heads.mean(-2, keepdim=True).flatten(1)
        return torch.where(torch.isnan(h), 0.0, tanh(h) / h.var(-1, False, keepdim=True))


GOOD: tuple[type[Cell], ...] = (
    LSTM,
    Peephole,
    FusedLSTM,
    GRUAfter,
    GRUBefore,
    Readout,
    Jordan,
    LayerNormLSTM,
    BlockLSTM,
    Highway,
    Leaky,
    WeightNorm,
    Masked,
    Minimal,
    FusedOdd,
    ListOfChunks,
    Activations,
    Mathematics,
    Passthrough,
    RawMatmul,
    Sandwich,
    CellInCell,
    Heads,
)
