"""A backward program against autograd through the cell's own step, in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from program_agreement import job_for
from torch import Tensor

from mnemonist.cells import Cell
from mnemonist.engine.differentiate import Gradient, GradientRun, differentiate, run_gradient
from mnemonist.engine.eager import run_eager
from mnemonist.engine.job import Job
from mnemonist.engine.program import Program
from mnemonist.engine.trace import program_of


def gradient_job(cell: Cell, steps: int = 4, rows: int = 3, **options: object) -> Job:
    """A job whose every input asks for its gradient."""
    job = job_for(cell, steps, rows, **options)
    with_history = {
        group: {name: _asking(t) for name, t in getattr(job, group).items()}
        for group in ("extras", "initial")
    }
    forced = None if job.forced is None else {n: _asking(t) for n, t in job.forced.items()}
    return replace(job, **with_history, forced=forced)


def _asking(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.is_floating_point())


def expected(
    job: Job, keep: Sequence[str], loss: Mapping[str, Tensor], final: Mapping[str, Tensor]
):
    """What autograd finds: the results, and the gradients by group and name."""
    torch.manual_seed(2)
    values, finals = run_eager(job)
    total = sum((values[n] * loss[n]).sum() for n in keep)
    total = total + sum((finals[n] * d).sum() for n, d in final.items())
    groups = {
        "inputs": {"x": job.x, **job.extras},
        "states": job.state,
        "initial": job.initial if job.resets is not None else {},
        "forced": job.forced or {},
        "leaves": {n: p for n, p in job.cell.named_parameters() if p.requires_grad},
    }
    flat = {(g, n): t for g, named in groups.items() for n, t in named.items() if t.requires_grad}
    found = torch.autograd.grad(total, list(flat.values()), allow_unused=True)
    gradients = {
        key: torch.zeros_like(t) if d is None else d
        for (key, t), d in zip(flat.items(), found, strict=True)
    }
    return values, finals, gradients


def losses(gradient: Gradient, job: Job) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Random gradients of the values over time and of the final states."""
    program = gradient.program
    torch.manual_seed(1)
    widths = {**program.states, **program.outputs}
    steps, rows = job.x.shape[:2]
    like = {"dtype": job.x.dtype}
    loss = {n: torch.randn(steps, rows, widths[n], **like) for n in gradient.keep}
    return loss, {n: torch.randn(rows, widths[n], **like) for n in program.carried}


def run_job(gradient: Gradient, job: Job) -> GradientRun:
    """The backward program on a job, with the gradients of `losses`."""
    loss, final = losses(gradient, job)
    torch.manual_seed(2)  # for parametrisations that draw
    return run_gradient(
        gradient,
        gradient.program.leaves_of(job.cell),
        job.x,
        job.state,
        job.extras,
        loss=loss,
        final=final,
        initial=job.initial,
        valid=job.valid,
        resets=job.resets,
        forced=job.forced,
        forced_mask=job.forced_mask,
    )


def assert_gradient_agrees(
    job: Job,
    *,
    keep: Sequence[str] | None = None,
    program: Program | None = None,
    tolerance: float = 1e-12,
) -> tuple[Gradient, GradientRun]:
    """Values, final states and every gradient, relative to the largest where that is above 1."""
    program = program_of(job.cell) if program is None else program
    names = job.keep if keep is None else tuple(keep)
    gradient = differentiate(program, keep=names)
    loss, final = losses(gradient, job)
    values, finals, gradients = expected(job, names, loss, final)
    run = run_job(gradient, job)
    for name in names:
        _close(run.values[name], values[name], name, tolerance)
    for name in program.carried:
        _close(run.finals[name], finals[name], f"the final {name}", tolerance)
    for (group, name), want in gradients.items():
        have = getattr(run, group).get(name)
        # what no step reads, and a parameter that nothing hangs on, have no entry
        have = torch.zeros_like(want) if have is None else have
        _close(have, want, f"the gradient of {name} ({group})", tolerance)
    return gradient, run


def _close(have: Tensor, want: Tensor, what: str, tolerance: float) -> None:
    scale = max(1.0, float(want.detach().abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(
        have.detach(),
        want.detach(),
        rtol=0,
        atol=tolerance * scale,
        equal_nan=True,
        msg=lambda text: f"{what}: {text}",
    )
