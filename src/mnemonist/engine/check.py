"""A program held against the step that it came from, before anyone relies on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.engine.contract import CellLike
from mnemonist.engine.eager import run_eager
from mnemonist.engine.interpret import run_program
from mnemonist.engine.job import Job
from mnemonist.engine.private import copy_with, privately, tensors_of
from mnemonist.engine.program import Program

__all__ = ["Mismatch", "check_program"]

_Results = tuple[dict[str, Tensor], dict[str, Tensor]]

_STEPS = 3
_BATCHES = (2, 5)
_VALUES = 1e-9
_GRADIENTS = 1e-6
"""Bounds relative to the largest element: both sides round differently, and torch's own float64
gradient of hardsigmoid is off by 5e-9."""


@dataclass(frozen=True)
class Mismatch:
    """Where a program and its cell's step differ.

    Attributes:
        what: the value or gradient, and the batch.
        difference: the largest absolute difference.
        allowed: what would have passed as rounding.
    """

    what: str
    difference: float
    allowed: float

    def __str__(self) -> str:
        return (
            f"{self.what} differs by {self.difference:.3g} (rounding explains {self.allowed:.1g})"
        )


def check_program(program: Program, cell: CellLike) -> Mismatch | None:
    """Compare a program with the cell's own step, in float64, on random inputs.

    Three steps for a batch of 2 and one of 5: every state and output, the final state, and the
    gradients of a random function of them with respect to the input, the states and every
    parameter. The cell's parameters are read, not changed (the step runs on a float64 copy of
    them), and random number generators are put back.

    Returns:
        The first difference, or None.
    """
    for rows in _BATCHES:
        mismatch = _compare(program, cell, rows)
        if mismatch is not None:
            return mismatch
    return None


def _compare(program: Program, cell: CellLike, rows: int) -> Mismatch | None:
    assert isinstance(cell, nn.Module)
    tensors = tensors_of(cell)
    device = next((t.device for t in tensors.values()), torch.device("cpu"))
    with privately(device):
        leaves = {name: _double(tensor) for name, tensor in tensors.items()}
        job = _random_job(cell, rows, device)
        torch.manual_seed(rows)
        expected = _by_the_step(job, leaves)
        torch.manual_seed(rows)
        try:
            given = run_program(
                program, leaves, job.x, job.state, job.extras, keep=job.keep, initial=job.initial
            )
        except RuntimeError as error:
            return Mismatch(f"the program fails ({error}): everything", float("inf"), 0.0)
        return _first_difference(expected, given, job, leaves)


def _by_the_step(job: Job, leaves: dict[str, Tensor]) -> _Results:
    """What the cell's own step makes with other parameters.

    They go into a copy, so that a thread that runs the cell meanwhile does not meet them. Only a
    cell that cannot be copied lends itself.
    """
    twin = copy_with(job.cell, leaves)
    if twin is not None:
        return run_eager(replace(job, cell=twin))
    assert isinstance(job.cell, nn.Module)
    named = {f"cell.{name}": leaf for name, leaf in leaves.items()}
    return torch.func.functional_call(_Runner(job.cell), named, (job,))


class _Runner(nn.Module):
    """A cell over time as a module, so that other tensors can stand in for its parameters."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.__dict__["training"] = cell.training
        self.cell = cell

    def forward(self, job: Job) -> _Results:
        return run_eager(job)


def _random_job(cell: CellLike, rows: int, device: torch.device) -> Job:
    options: dict[str, Any] = {"device": device, "dtype": torch.float64}
    torch.manual_seed(rows)
    x = torch.randn(_STEPS, rows, cell.input_size, **options).requires_grad_()
    initial = {
        name: value.detach().double() for name, value in cell.initial_state(rows, **options).items()
    }
    state = {  # near where the cell starts: not every value is a state it can be in
        name: (value.nan_to_num(0.0, 0.0, 0.0) + 0.5 * torch.randn_like(value)).requires_grad_()
        for name, value in initial.items()
    }
    extras = cell.draw_extras(_STEPS, rows, **options)
    for name, width in cell.extra_sizes.items():
        if name not in extras:
            extras[name] = torch.rand(_STEPS, rows, width, **options)
    return Job(
        cell=cell,
        x=x,
        state=state,
        extras=extras,
        keep=(*cell.state_sizes, *cell.output_sizes),
        initial=initial,
    )


def _double(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    return tensor.detach().double().requires_grad_()


def _first_difference(
    expected: _Results,
    given: _Results,
    job: Job,
    leaves: dict[str, Tensor],
) -> Mismatch | None:
    batch = f"for a batch of {job.x.shape[1]}"
    for want, have, what in zip(expected, given, ("{}", "the final {}"), strict=True):
        for name, value in want.items():
            found = _difference(value, have[name], _VALUES, f"{what.format(name)} {batch}")
            if found is not None:
                return found
    inputs = {"x": job.x} | dict(job.state) | leaves
    inputs = {name: value for name, value in inputs.items() if value.requires_grad}
    wanted, had = (_gradients(result, inputs) for result in (expected, given))
    for name in inputs:
        what = f"the gradient of {name} {batch}"
        found = _difference(wanted[name], had[name], _GRADIENTS, what)
        if found is not None:
            return found
    return None


def _gradients(result: _Results, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    values = [v for group in result for v in group.values()]
    # not randn_like, which draws in the order in which the elements lie in memory
    total = sum((v * v.new_empty(v.shape).normal_()).sum() for v in values)
    if not isinstance(total, Tensor) or not total.requires_grad:
        return {name: torch.zeros_like(value) for name, value in inputs.items()}
    found = torch.autograd.grad(total, list(inputs.values()), allow_unused=True)
    return {
        name: torch.zeros_like(value) if gradient is None else gradient
        for (name, value), gradient in zip(inputs.items(), found, strict=True)
    }


def _difference(want: Tensor, have: Tensor, bound: float, what: str) -> Mismatch | None:
    want, have = want.detach(), have.detach()
    if want.numel() == 0 and want.shape == have.shape:
        return None
    if want.shape != have.shape:
        return Mismatch(f"the shape of {what}", float("inf"), 0.0)
    if not torch.equal(want.isfinite(), have.isfinite()):
        return Mismatch(f"where {what} is finite", float("inf"), 0.0)
    want, have = (torch.where(v.isfinite(), v, torch.zeros_like(v)) for v in (want, have))
    allowed = bound * max(1.0, float(want.abs().max()))
    difference = float((want - have).abs().max())
    return Mismatch(what, difference, allowed) if difference > allowed else None
