"""A wrong program does not pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from program_zoo import GOOD, LSTM, Cell, Masked, Simple
from torch import Tensor

from mnemonist.engine.check import check_program
from mnemonist.engine.graph import Graph
from mnemonist.engine.passes import rewrite
from mnemonist.engine.program import Program, Time
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.engine.trace import program_of


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_right_programs_pass(kind: type[Cell]) -> None:
    cell = kind(3, 5)  # float32 parameters, compared in float64
    before = {name: value.clone() for name, value in cell.state_dict().items()}
    assert check_program(program_of(cell), cell) is None
    for name, value in cell.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in cell.parameters())


def test_a_right_program_passes_however_its_values_lie_in_memory() -> None:
    g = Graph()
    x = g.node("input", (), ("x",), (3,), time=Time.X)
    heads = g.affine("bmm", x, g.leaf("W", (3, 1, 1)))  # one column behind another
    program = Program(
        cell="Heads",
        input_size=3,
        hidden_size=2,
        states={"h": 2},
        outputs={},
        extras={},
        emits=("h",),
        initial={"h": 0.0},
        values={"h": g.pointwise("tanh", g.slice(heads, 1, 3))},
    )
    cell = ProgramCell(program)
    torch.nn.init.normal_(cell.W)
    assert check_program(program, cell) is None


def swapped(program: Program, op: str, other: str) -> Program:
    """The program with one operation replaced by another."""

    def rule(graph, node, made):
        if node.op == op:
            return graph.pointwise(other, *(made[a] for a in node.args))
        return None

    return replace(program, values=rewrite(program.values, rule))


def test_a_wrong_value_is_found() -> None:
    cell = LSTM(3, 5)
    mismatch = check_program(swapped(program_of(cell), "sigmoid", "tanh"), cell)
    assert mismatch is not None
    assert mismatch.difference > mismatch.allowed
    assert "h for a batch of 2" in str(mismatch)


class Detached(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.hidden(x, h)) + h.detach()


def test_a_wrong_gradient_is_found() -> None:
    cell = Detached(3, 5)
    program = program_of(cell)

    def rule(graph, node, made):
        return made[node.args[0]] if node.op == "stop" else None

    wrong = replace(program, values=rewrite(program.values, rule))
    mismatch = check_program(wrong, cell)
    assert mismatch is not None
    assert "gradient" in mismatch.what


def test_random_generators_and_flags_are_put_back() -> None:
    cell = Masked(3, 5).eval()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_program(program_of(cell), cell)
    assert torch.equal(torch.get_rng_state(), before)
    assert not cell.training
