"""The executors, what each can run, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mnemonist.engine.contract import CellLike
from mnemonist.engine.eager import run_eager
from mnemonist.engine.interpret import run_program
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.scan import recurrence_of, run_scan
from mnemonist.engine.trusted import refusal, trusted_program
from mnemonist.engine.vendor import kernel_of, obstacle, run_vendor
from mnemonist.errors import ConfigError

__all__ = ["EXECUTORS", "Choice", "Executor", "Run", "choose", "summaries", "why_not"]

Run = Callable[[Job], tuple[Trace, dict[str, Tensor]]]


@dataclass(frozen=True)
class Executor:
    """A way to run a job.

    Attributes:
        name: what `executor=` takes.
        summary: one line for people.
        run: does it.
        cannot: the reason why this job is beyond it, or None.
        rather_not: the measured reason why another is faster for this job, or None; asked
            only when the choice is free.
    """

    name: str
    summary: str
    run: Run
    cannot: Callable[[Job], str | None]
    rather_not: Callable[[Job], str | None]


@dataclass(frozen=True)
class Choice:
    """The executor that runs a job, and why those before it do not."""

    executor: Executor
    passed_over: dict[str, str] = field(default_factory=dict)


def _never(job: Job) -> None:
    return None


def _no_program(job: Job) -> str | None:
    if torch.compiler.is_compiling():
        return "torch.compile and torch.export read the cell's own step"
    reason = refusal(job.cell)
    return None if reason is None else str(reason)


def _run_program(job: Job) -> tuple[Trace, dict[str, Tensor]]:
    program = trusted_program(job.cell)
    return run_program(
        program,
        program.leaves_of(job.cell),
        job.x,
        job.state,
        job.extras,
        keep=job.keep,
        initial=job.initial,
        valid=job.valid,
        resets=job.resets,
        forced=job.forced,
        forced_mask=job.forced_mask,
    )


def _no_kernel(job: Job) -> str | None:
    reason = _no_program(job)
    if reason is not None:
        return reason
    if kernel_of(trusted_program(job.cell)) is None:
        return "torch has no kernel for these equations"
    return obstacle(job)


def _no_scan(job: Job) -> str | None:
    reason = _no_program(job)
    if reason is not None:
        return reason
    if recurrence_of(trusted_program(job.cell)) is None:
        return "the state is no linear function of the state before it"
    if job.forced and job.forced_mask is None:
        return "every step is forced, so that no recurrence is left to scan"
    return None


_PREFERENCE = (
    Executor(
        "vendor",
        "torch's own fused LSTM, GRU or RNN, for cells with the same equations",
        lambda job: run_vendor(trusted_program(job.cell), job),
        _no_kernel,
        _never,
    ),
    Executor(
        "scan",
        "all steps in parallel, for states that are linear in the state before",
        lambda job: run_scan(trusted_program(job.cell), job),
        _no_scan,
        _never,
    ),
    Executor(
        "program",
        "the traced program in torch operations: gates stacked, inputs projected for all steps at once",
        _run_program,
        _no_program,
        _never,
    ),
    Executor("eager", "the cell's own step in a Python loop", run_eager, _never, _never),
)
EXECUTORS = tuple(executor.name for executor in _PREFERENCE)


def choose(job: Job, name: str = "auto", *, strict: bool = False) -> Choice:
    """The first executor that can run the job and is not known to be slower, or the one named.

    Args:
        job: what is to be run.
        name: "auto", or the name of the executor that must run it.
        strict: whether a cell without a program is an error.

    Raises:
        ConfigError: no executor has that name, or it cannot run this job.
        UnrepresentableError: `strict`, and the cell has no program.
    """
    if strict:
        trusted_program(job.cell)
    if name != "auto":
        executor = _named(name)
        reason = executor.cannot(job)
        if reason is not None:
            raise ConfigError(f"executor {name!r} cannot run this: {reason}. Take 'auto'")
        return Choice(executor)
    passed_over: dict[str, str] = {}
    for executor in _PREFERENCE:
        reason = executor.cannot(job) or executor.rather_not(job)
        if reason is None:
            break
        passed_over[executor.name] = reason
    return Choice(executor, passed_over)


def summaries() -> dict[str, str]:
    """Name and one line of every executor, the preferred first."""
    return {executor.name: executor.summary for executor in _PREFERENCE}


def why_not(cell: CellLike, name: str) -> str | None:
    """Why the executor of this name cannot run the cell at all, or None if it can."""
    like = next((p for _, p in cell.named_parameters()), torch.zeros(()))
    state = cell.initial_state(1, device=like.device, dtype=like.dtype)
    job = Job(
        cell=cell,
        x=like.new_zeros(1, 1, cell.input_size),
        state=state,
        extras=cell.draw_extras(1, 1, device=like.device, dtype=like.dtype),
        keep=(cell.emits,) if isinstance(cell.emits, str) else tuple(cell.emits),
        initial=state,
    )
    return _named(name).cannot(job)


def _named(name: str) -> Executor:
    for executor in _PREFERENCE:
        if executor.name == name:
            return executor
    raise ConfigError(f"no executor {name!r}: there are {', '.join(EXECUTORS)}, or auto")
