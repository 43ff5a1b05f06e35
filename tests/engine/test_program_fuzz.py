"""Random cells: whatever the step is made of, the program agrees with it or refuses."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from program_agreement import assert_agrees, job_for
from program_zoo import Cell
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.engine.program import Program
from mnemonist.engine.trace import program_of
from mnemonist.errors import UnrepresentableError

WIDTHS = (1, 4, 6)
CELLS = 150

UNARY: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.tanh,
    torch.sigmoid,
    lambda a: torch.exp(-a * a),
    lambda a: torch.log(a.abs() + 1),
    F.softplus,
    F.silu,
    F.elu,
    F.gelu,
    torch.sin,
    torch.cos,
    lambda a: torch.sqrt(a * a + 1),
    lambda a: torch.rsqrt(a * a + 1),
    lambda a: 1 - a,
    lambda a: a.clamp(-1, 1.5),
    lambda a: a**2,
    F.leaky_relu,
    torch.erf,
    lambda a: a.detach() * a,
    F.mish,
    F.logsigmoid,
    torch.relu,
)
ROWWISE: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda a: a.mean(-1, keepdim=True),
    lambda a: a.sum(-1, keepdim=True) * 0.3,
    lambda a: a.amax(-1, keepdim=True),
    lambda a: torch.softmax(a, -1),
    lambda a: F.layer_norm(a, a.shape[-1:]),
    lambda a: a.var(-1, keepdim=True, unbiased=False),
    lambda a: torch.logsumexp(a, -1, keepdim=True),
    lambda a: F.normalize(a + 2, dim=-1),
)
BINARY: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    torch.add,
    torch.sub,
    torch.mul,
    torch.maximum,
    torch.minimum,
    lambda a, b: a / (1 + b * b),
    lambda a, b: torch.where(a > b, a, 0.5 * b),
    lambda a, b: torch.lerp(a, b, torch.sigmoid(a)),
    lambda a, b: (1 - torch.sigmoid(a)) * b + torch.sigmoid(a) * torch.tanh(b),
)


class Random(Cell):
    """A cell whose step is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(3, 4)
        draw = random.Random(seed)
        self.seed = seed
        widths = [draw.choice([1, 4, 6, 6]) for _ in range(draw.randint(1, 3))]
        self.widths = {f"s{i}": width for i, width in enumerate(widths)}
        self.operations = draw.randint(3, 14)
        self.matrices = nn.ParameterDict(
            {f"{a}_{b}": torch.randn(b, a) / a**0.5 for a in (1, 3, 4, 6) for b in WIDTHS}
        )
        self.vectors = nn.ParameterDict({str(a): torch.randn(a) for a in WIDTHS})

    @property
    def state_sizes(self) -> dict[str, int]:
        return self.widths

    @property
    def emits(self) -> str:
        return "s0"

    def _linear(self, draw: random.Random, a: Tensor, width: int) -> Tensor:
        a = a if a.shape[-1] in (1, 3, 4, 6) else a[..., :1]
        product = F.linear(a, self.matrices[f"{a.shape[-1]}_{width}"])
        return product + self.vectors[str(width)] if draw.random() < 0.5 else product

    def _pick(self, draw: random.Random, pool: list[Tensor], width: int | None = None) -> Tensor:
        fitting = [v for v in pool if width is None or v.shape[-1] == width]
        if not fitting:
            assert width is not None
            return self._linear(draw, draw.choice(pool), width)
        return draw.choice(fitting[-6:] if draw.random() < 0.7 else fitting)

    def _operation(self, draw: random.Random, pool: list[Tensor]) -> Tensor:
        kind, a = draw.random(), self._pick(draw, pool)
        width = a.shape[-1]
        if kind < 0.3:
            return draw.choice(UNARY)(a)
        if kind < 0.5:
            alike = width in WIDTHS and draw.random() < 0.8
            b = self._pick(draw, pool, width) if alike else draw.choice(pool)[..., :1]
            return draw.choice(BINARY)(a, b)
        if kind < 0.75:
            return self._linear(draw, a, draw.choice(WIDTHS))
        if kind < 0.85:
            return draw.choice(ROWWISE)(a)
        if kind < 0.92:
            joined = torch.cat([a, self._pick(draw, pool)], -1)
            start = draw.randint(0, joined.shape[-1] - 1)
            return joined[..., start : start + draw.choice(WIDTHS)]
        return a * self.vectors[str(width)] if width in WIDTHS else a * 0.5

    def step(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        draw, pool = random.Random(self.seed + 10**6), [x, *states]
        for _ in range(self.operations):
            pool.append(self._operation(draw, pool))
        return tuple(
            torch.tanh(
                self._pick(draw, pool, width)
                if draw.random() < 0.8
                else self._linear(draw, pool[-1], width)
            )
            for width in self.widths.values()
        )


def test_random_cells() -> None:
    refused = 0
    for seed in range(CELLS):
        torch.manual_seed(seed)
        cell = Random(seed).double()
        try:
            program = program_of(cell)
        except UnrepresentableError:
            refused += 1
            continue
        lengths = torch.tensor([4, 2, 0]) if seed % 3 == 0 else None
        job = job_for(cell, 4, 3, seed=seed, lengths=lengths)
        try:
            assert_agrees(job, Program.from_json(program.to_json()), gradient=1e-9)
        except AssertionError as error:
            pytest.fail(f"random cell {seed}: {error}")
    assert refused == 0
