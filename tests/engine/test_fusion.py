"""Operations that torch has as one: taken together where it is the same, left apart elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from program_agreement import assert_agrees, job_for
from program_zoo import Cell
from torch import Tensor, nn, tanh
from torch.nn import functional as F

import mnemonist.cells
from mnemonist.engine.codegen import Variant, compile_loop
from mnemonist.engine.interpret import run_program
from mnemonist.engine.trace import program_of


class Normal(Cell):
    """A cell that normalises its only gate by some formula."""

    def __init__(self, formula: Callable[[Normal, Tensor], Tensor]) -> None:
        super().__init__(3, 5)
        (self.hidden,) = self.gates("hidden")
        self.gain, self.shift = (nn.Parameter(torch.randn(5)) for _ in range(2))
        self.formula = formula

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.formula(self, self.hidden(x, h)))


def centred(a: Tensor) -> Tensor:
    return a - a.mean(-1, keepdim=True)


def variance(a: Tensor) -> Tensor:
    return centred(a).square().mean(-1, keepdim=True)


def shared(cell: Normal, a: Tensor) -> Tensor:
    normal = F.layer_norm(a, (5,))
    return normal * cell.gain + normal.sigmoid()


LAYER_NORMS = {
    "torch's": lambda m, a: F.layer_norm(a, (5,), m.gain, m.shift),
    "no parameters": lambda m, a: F.layer_norm(a, (5,), eps=0.1),
    "gain only": lambda m, a: F.layer_norm(a, (5,), m.gain),
    "shift only": lambda m, a: F.layer_norm(a, (5,)) + m.shift,
    "by hand": lambda m, a: m.shift + m.gain * (centred(a) * torch.rsqrt(variance(a) + 1e-3)),
    "over a root": lambda m, a: centred(a) / torch.sqrt(a.var(-1, False, keepdim=True) + 1e-5),
    "used twice": shared,
}
OTHERS = {
    "unbiased": lambda m, a: centred(a) * torch.rsqrt(a.var(-1, keepdim=True) + 1e-5),
    "not centred": lambda m, a: a * torch.rsqrt(variance(a) + 1e-5),
    "root mean square": lambda m, a: F.rms_norm(a, (5,), m.gain, 1e-5),
    "ε of each unit": lambda m, a: centred(a) * torch.rsqrt(variance(a) + m.gain.square()),
    "variance of another": lambda m, a: centred(a) * torch.rsqrt(variance(2 * a) + 1e-5),
    "centre used again": lambda m, a: F.layer_norm(a, (5,)) + centred(a).sigmoid(),
}


def normalised(cell: Cell) -> int:
    run = compile_loop(program_of(cell), Variant(("h",)))
    return run.source.count("layer_norm(")


@pytest.mark.parametrize("formula", LAYER_NORMS.values(), ids=LAYER_NORMS.keys())
def test_a_layer_norm_is_one_call(formula: Callable) -> None:
    torch.manual_seed(0)
    cell = Normal(formula).double()
    assert normalised(cell) == 1
    assert_agrees(job_for(cell, 4, 3, lengths=torch.tensor([4, 0, 2])))


@pytest.mark.parametrize("formula", OTHERS.values(), ids=OTHERS.keys())
def test_what_only_looks_like_one_is_not(formula: Callable) -> None:
    torch.manual_seed(0)
    cell = Normal(formula).double()
    assert normalised(cell) == 0
    assert_agrees(job_for(cell, 4, 3))


@pytest.mark.parametrize(("name", "expected"), [("lstm_layer_norm", 3), ("gru_layer_norm", 4)])
def test_the_cells_of_the_library(name: str, expected: int) -> None:
    assert normalised(mnemonist.cells.get(name)(3, 5)) == expected


def test_second_derivatives_go_through_it() -> None:
    torch.manual_seed(0)
    cell = Normal(LAYER_NORMS["torch's"]).double()
    job = job_for(cell, 2, 1)
    program = program_of(cell)

    def total(x: Tensor) -> Tensor:
        values, _ = run_program(program, program.leaves_of(cell), x, job.state, {}, keep=("h",))
        return values["h"].sum()

    assert torch.autograd.gradgradcheck(total, (job.x.detach().clone().requires_grad_(),))
