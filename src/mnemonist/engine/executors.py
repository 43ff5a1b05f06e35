"""The executors, what each can run, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from mnemonist.engine import scan, vendor, vendor_choice
from mnemonist.engine.contract import CellLike
from mnemonist.engine.eager import run_eager
from mnemonist.engine.interpret import run_program
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.native import executor as native
from mnemonist.engine.native import inside
from mnemonist.engine.private import like_of
from mnemonist.engine.program import Program
from mnemonist.engine.trusted import trusted_program
from mnemonist.errors import ConfigError, UnrepresentableError

__all__ = [
    "EXECUTORS",
    "OUTSIDE_GRAPHS",
    "Choice",
    "Executor",
    "choose",
    "program_or_refusal",
    "under_transform",
    "why_not",
]

Result = tuple[Trace, dict[str, Tensor]]


@dataclass(frozen=True)
class Executor:
    """A way to run a job.

    Attributes:
        name: what ``executor=`` takes.
        summary: one line for people.
        run: runs a job; the program is None only where none is needed.
        obstacle: why a job is beyond it, or None.
        needs_program: whether it runs a program rather than the cell's own step.
    """

    name: str
    summary: str
    run: Callable[[Job, Program], Result]
    obstacle: Callable[[Job, Program], str | None]
    needs_program: bool = True


@dataclass(frozen=True)
class Choice:
    """The executor that runs a job, the program that it runs, and why those preferred do not."""

    executor: Executor
    program: Program | None = None
    passed_over: dict[str, str] = field(default_factory=dict)

    def run(self, job: Job) -> Result:
        """Run the job, or a piece of it."""
        return self.executor.run(job, self.program)  # type: ignore[arg-type]


def _run_program(job: Job, program: Program) -> Result:
    return run_program(
        program,
        job.leaves_of(program),
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


def _run_native(job: Job, program: Program) -> Result:
    if torch.compiler.is_compiling():
        return inside.run_inside(job)
    return native.run_native(program, job)


# In the order of preference, which benchmarks/executors.py measured: a scan beats a loop, and a
# program beats the step in a Python loop. Between torch's kernel and the compiled engine
# measurements at the nearest sizes decide.
_EXECUTORS = (
    Executor(
        "vendor",
        "torch's own fused LSTM, GRU or RNN, for cells with the same equations",
        lambda job, program: vendor.run_vendor(program, job),
        lambda job, program: vendor.obstacle(program, job),
    ),
    Executor(
        "scan",
        "all steps in parallel, for states that are linear in the state before",
        lambda job, program: scan.run_scan(program, job),
        lambda job, program: scan.obstacle(program, job),
    ),
    Executor(
        "native",
        "the traced program, forwards and backwards, by the compiled engine",
        _run_native,
        lambda job, program: native.obstacle(program, job),
    ),
    Executor(
        "program",
        "the traced program in torch operations: gates stacked, inputs projected for all steps",
        _run_program,
        lambda job, program: None,
    ),
    Executor(
        "eager",
        "the cell's own step in a Python loop",
        lambda job, program: run_eager(job),
        lambda job, program: None,
        needs_program=False,
    ),
)
EXECUTORS = {executor.name: executor for executor in _EXECUTORS}
"""The executors by name, the preferred first."""

OUTSIDE_GRAPHS = tuple(name for name in EXECUTORS if name not in ("native", "eager"))
"""Those that torch.compile calls around its graphs, and torch.export cannot use."""


def choose(job: Job, name: str = "auto", *, strict: bool = False) -> Choice:
    """The preferred one of the executors that can run the job, or the one named.

    Args:
        job: what is to be run.
        name: "auto", or the name of the executor that must run it.
        strict: whether a cell without a program is an error.

    Raises:
        ConfigError: no executor has that name, or it cannot run this job.
        UnrepresentableError: `strict`, and the cell has no program.
    """
    if name not in ("auto", *EXECUTORS):
        raise ConfigError(f"no executor {name!r}: there are {', '.join(EXECUTORS)}, or auto")
    if name == "eager" and not strict:
        return Choice(EXECUTORS["eager"])
    if torch.compiler.is_compiling():
        return _choose_in_graph(job, name)
    program, refusal = program_or_refusal(job)
    if strict and refusal is not None:
        raise refusal
    passed_over: dict[str, str] = {}
    for executor in _EXECUTORS if name == "auto" else [EXECUTORS[name]]:
        if program is None:
            reason = str(refusal) if executor.needs_program else None
        else:
            reason = executor.obstacle(job, program)
        if reason is None:
            if name == "auto" and executor.name == "vendor":
                assert program is not None
                return _vendor_or_native(job, program)
            return Choice(executor, program, passed_over)
        passed_over[executor.name] = reason
    raise ConfigError(f"executor {name!r} cannot run this: {passed_over[name]}. Take 'auto'")


def _choose_in_graph(job: Job, name: str) -> Choice:
    """A graph holds one operator, or every step of the cell."""
    if name in OUTSIDE_GRAPHS:
        raise ConfigError(
            f"executor {name!r} cannot be exported. Take 'auto' or 'native', which is one operator of "
            "the graph, or 'eager', which writes every step into it"
        )
    why = "it was not asked for" if name == "eager" else inside.why_outside(job)
    if why and name == "native":
        raise ConfigError(f"executor 'native' cannot run this: {why}. Take 'auto'")
    return Choice(EXECUTORS["eager" if why else "native"])


def _vendor_or_native(job: Job, program: Program) -> Choice:
    """The faster one where torch has a kernel; the other one is passed over with its figure."""
    reason = native.input_obstacle(job.x)
    if reason is not None:
        return Choice(EXECUTORS["vendor"], program, {"native": reason})
    kernel = vendor.kernel_of(program)
    assert kernel is not None
    steps, rows = job.x.shape[:2]
    slower, reason = vendor_choice.slower(
        kernel.name,
        vendor_choice.kind_of(job.x.dtype, ragged=False),
        torch.is_grad_enabled() and _wants_gradients(job, program),
        (steps, rows, program.hidden_size),
    )
    lacking = native.obstacle(program, job) if slower == "vendor" else None
    if lacking is not None:
        slower, reason = "native", lacking
    faster = "vendor" if slower == "native" else "native"
    return Choice(EXECUTORS[faster], program, {slower: reason})


def _wants_gradients(job: Job, program: Program) -> bool:
    if job.x.requires_grad:
        return True
    tensors = (*job.state.values(), *job.leaves_of(program).values())
    return any(tensor.requires_grad for tensor in tensors)


def why_not(cell: CellLike, name: str) -> str | None:
    """Why the executor of this name cannot run the cell at all, or None if it can."""
    assert isinstance(cell, nn.Module)
    like = like_of(cell)
    state = cell.initial_state(1, device=like.device, dtype=like.dtype)
    job = Job(
        cell=cell,
        x=like.new_zeros(1, 1, cell.input_size),
        state=state,
        extras=cell.draw_extras(1, 1, device=like.device, dtype=like.dtype),
        keep=(cell.emits,) if isinstance(cell.emits, str) else tuple(cell.emits),
        initial=state,
    )
    executor = EXECUTORS[name]
    program, refusal = program_or_refusal(job)
    if program is None:
        return str(refusal) if executor.needs_program else None
    return executor.obstacle(job, program)


def under_transform() -> bool:
    """Whether torch.func.vmap or forward-mode differentiation is at work; grad does not matter."""
    stack = torch._C._functorch.get_interpreter_stack() or ()
    kinds = torch._C._functorch.TransformType
    batched = any(level.key() in (kinds.Vmap, kinds.Jvp) for level in stack)
    return batched or forward_ad._current_level >= 0


def program_or_refusal(job: Job) -> tuple[Program | None, UnrepresentableError | None]:
    """The program that a job can run, or why it can run none."""
    try:
        if job.x.is_meta:
            raise UnrepresentableError("the meta device", "has no values to check a program with")
        if under_transform():
            reason = "read the cell's own step"
            raise UnrepresentableError("torch.func.vmap and forward-mode derivatives", reason)
        return trusted_program(job.cell), None
    except UnrepresentableError as error:
        return None, error
