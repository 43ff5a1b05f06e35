"""Executors that do not fit into a graph: torch.compile goes around them, torch.export refuses them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from mnemonist import cells
from mnemonist.engine import explain, unroll
from mnemonist.engine.executors import EXECUTORS
from mnemonist.errors import ConfigError
from mnemonist.nn import Recurrent

CASES = [("vendor", "lstm"), ("program", "lstm_peephole"), ("scan", "mingru")]


@pytest.fixture
def ran(monkeypatch):
    """The names of the executors that ran, in order."""
    names = []
    for executor in EXECUTORS.values():
        run = executor.run

        def told(job, program, name=executor.name, run=run):
            names.append((name, torch.compiler.is_compiling()))
            return run(job, program)

        monkeypatch.setitem(executor.__dict__, "run", told)
    return names


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize(("executor", "name"), CASES)
def test_torch_compile_goes_around_a_named_executor(executor, name, ran):
    torch._dynamo.reset()
    cell = cells.get(name)(3, 5).double()

    def model(x, executor=executor):
        done = unroll(cell, 2 * x, lengths=None, executor=executor)
        return done.output.relu(), done.state["h"]

    compiled = torch.compile(model, backend="aot_eager")
    for steps in (4, 60):  # would take long if it were unrolled
        x = draw(steps, 2, 3).requires_grad_()
        mine, theirs = compiled(x), model(x, "eager")
        torch.testing.assert_close(mine, theirs)
        parameters = [x, *cell.parameters()]
        found, expected = (torch.autograd.grad(r[0].sum(), parameters) for r in (mine, theirs))
        torch.testing.assert_close(found, expected)
    assert set(ran) == {(executor, False), ("eager", False)}


def test_a_whole_graph_says_which_executors_it_can_have():
    torch._dynamo.reset()
    layers = Recurrent("lstm", 3, 5, executor="program")
    compiled = torch.compile(layers, backend="aot_eager", fullgraph=True)
    with pytest.raises(torch._dynamo.exc.Unsupported, match="'native' is one operator in it"):
        compiled(torch.randn(4, 2, 3))


@pytest.mark.parametrize("checkpoint", [None, 3])
def test_layers_and_segments_go_around_together(checkpoint, ran):
    torch._dynamo.reset()
    layers = Recurrent(
        "gru", 3, 5, num_layers=2, bidirectional=True, executor="program", checkpoint=checkpoint
    ).double()
    x = draw(7, 2, 3)
    found = torch.compile(layers, backend="aot_eager")(x, lengths=[7, 4])
    torch.testing.assert_close(found, layers(x, lengths=[7, 4]))
    assert set(ran) == {("program", False)}


@pytest.mark.parametrize(("executor", "name"), CASES)
def test_an_export_refuses_what_it_cannot_hold(executor, name):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cells.get(name)(3, 5)

        def forward(self, x):
            return unroll(self.cell, x, executor=executor).output

    with pytest.raises(ConfigError, match=f"executor '{executor}' cannot be exported"):
        torch.export.export(Model(), (torch.randn(4, 2, 3),))
    said = explain(cells.get(name)(3, 5), executor=executor).in_graphs
    assert f"{executor} is called around the graph" in said


def test_modules_are_imported_without_dynamo():
    code = "import sys, mnemonist.nn.recurrent, mnemonist.nn; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
