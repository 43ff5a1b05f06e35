"""States known in advance, and recurrences that are linear."""

from __future__ import annotations

import pytest
import torch
from program_agreement import job_for, run_job
from program_zoo import GOOD, LSTM, Cell, Jordan, Minimal, Readout
from torch import Tensor

from mnemonist.engine.eager import run_eager
from mnemonist.engine.interpret import run_program
from mnemonist.engine.scan import linear_scan
from mnemonist.engine.trace import program_of
from mnemonist.engine.transforms import bind, linear_recurrence
from mnemonist.errors import ConfigError


def test_a_jordan_network_under_teacher_forcing_has_no_loop() -> None:
    program = bind(program_of(Jordan(3, 5)), "y")
    assert not program.loop
    assert not program.sunk
    assert program.carried == ()
    assert [n.op for n in program.hoisted].count("mm") == 3


def test_binding_one_state_leaves_the_other_in_the_loop() -> None:
    program = bind(program_of(LSTM(3, 5)), "h")
    assert program.carried == ("c",)
    assert [n.op for n in program.loop] == ["mul", "add"]


def test_binding_an_unknown_state() -> None:
    with pytest.raises(ConfigError, match="'q'"):
        bind(program_of(LSTM(3, 5)), "q")


class Average(Cell):
    """An exponential average with a learned rate, and what it predicts."""

    outputs = ("y",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = torch.nn.Parameter(torch.rand(hidden_size))
        (self.inward,) = self.gates("inward", recurrent_size=0)
        self.readout = torch.nn.Linear(hidden_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        new = self.rate * h - (h - self.inward(x)) / 3
        return new, torch.tanh(self.readout(new)) + h


@pytest.mark.parametrize("kind", [Minimal, Average])
def test_scan_and_readout_are_the_recurrence(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(3, 5).double()
    program = program_of(cell)
    linear = linear_recurrence(program)
    assert linear is not None
    assert linear.states == ("h",)
    assert not linear.coefficients.loop
    assert not linear.readout.loop
    job = job_for(cell, 7, 2)
    leaves = program.leaves_of(cell)
    parts, _ = run_program(linear.coefficients, leaves, job.x, {}, {}, keep=("h.a", "h.b"))
    states = linear_scan(parts["h.a"], parts["h.b"], job.state["h"])
    before = torch.cat([job.state["h"][None], states[:-1]])
    rest, _ = run_program(
        program, leaves, job.x, job.state, {}, keep=job.keep, forced={"h": before}
    )
    expected, _ = run_eager(job)
    torch.testing.assert_close(states, expected["h"])
    for name in job.keep:
        torch.testing.assert_close(rest[name], expected[name])


def test_which_recurrences_are_linear() -> None:
    found = {kind.__name__ for kind in GOOD if linear_recurrence(program_of(kind(3, 5)))}
    assert found == {"Minimal"}


def test_a_state_that_nobody_reads_is_not_carried() -> None:
    class Shadow(Readout):
        states = ("h", "s")
        outputs = ()

        @property
        def output_sizes(self) -> dict[str, int]:
            return {}

        def step(self, x: Tensor, h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.hidden(x, h))
            return h, torch.sigmoid(h)

    torch.manual_seed(0)
    cell = Shadow(3, 5).double()
    program = program_of(cell)
    assert program.carried == ("h",)
    assert [n.op for n in program.sunk] == ["sigmoid"]
    for lengths in (None, torch.tensor([4, 0, 2])):
        job = job_for(cell, 4, 3, lengths=lengths)
        _, expected = run_eager(job)
        _, final = run_job(program, job)
        torch.testing.assert_close(final["s"], expected["s"])
