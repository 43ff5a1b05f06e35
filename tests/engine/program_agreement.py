"""A program against the cell that it came from: the same values, the same gradients."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mnemonist.cells import Cell
from mnemonist.engine.eager import run_eager
from mnemonist.engine.executors import EXECUTORS
from mnemonist.engine.job import Job
from mnemonist.engine.program import Program
from mnemonist.engine.trace import program_of


def job_for(cell: Cell, steps: int, rows: int, *, seed: int = 0, **options: object) -> Job:
    """A job on random numbers that asks for everything the cell has."""
    torch.manual_seed(seed)
    like = {"dtype": torch.float64}
    x = torch.randn(steps, rows, cell.input_size, **like, requires_grad=True)
    state = {
        name: (0.5 * torch.randn(rows, width, **like)).requires_grad_()
        for name, width in cell.state_sizes.items()
    }
    initial = cell.initial_state(rows, device=None, dtype=torch.float64)
    extras = cell.draw_extras(steps, rows, device=None, dtype=torch.float64)
    keep = (*cell.state_sizes, *cell.output_sizes)
    return Job(cell=cell, x=x, state=state, extras=extras, keep=keep, initial=initial, **options)


def run_job(program: Program, job: Job) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return EXECUTORS["program"].run(job, program)


def gradients(results: tuple[Mapping[str, Tensor], ...], job: Job) -> list[Tensor]:
    """Of a random linear function of all results, with respect to all that comes in."""
    torch.manual_seed(1)
    values = [v for group in results for v in group.values()]
    trained = [p for p in job.cell.parameters() if p.requires_grad]
    inputs = [job.x, *job.state.values(), *trained]
    total = sum((v * torch.randn_like(v)).sum() for v in values)
    found = torch.autograd.grad(total, inputs, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)]


def assert_agrees(job: Job, program: Program | None = None, *, gradient: float = 1e-10) -> None:
    """Values to 1e-12, gradients to `gradient`, relative to the largest."""
    program = program_of(job.cell) if program is None else program
    torch.manual_seed(2)
    expected = run_eager(job)
    torch.manual_seed(2)
    given = run_job(program, job)
    for want, have in zip(expected, given, strict=True):
        assert list(want) == list(have)
        for name in want:
            torch.testing.assert_close(have[name], want[name], rtol=1e-12, atol=1e-12, msg=name)
    for want, have in zip(gradients(expected, job), gradients(given, job), strict=True):
        scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
        torch.testing.assert_close(have, want, rtol=0, atol=gradient * scale)
