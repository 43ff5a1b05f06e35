"""The native executor: programs, forwards and backwards, by the compiled engine."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.native import library
from mnemonist.engine.native.planner import Unplanned
from mnemonist.engine.native.run import Grid, Rows, constants_of, run_rows
from mnemonist.engine.program import Program
from mnemonist.engine.transforms import bind, replaced

__all__ = ["obstacle", "run_native"]

_RESET, _INITIAL = "@reset", "@initial."
_FORCE, _FORCED = "@force", "@forced."

_Known = WeakKeyDictionary[Program, dict[Any, Any]]
_PROGRAMS: _Known = WeakKeyDictionary()
_PROLOGUES: _Known = WeakKeyDictionary()


def obstacle(program: Program, job: Job) -> str | None:
    """Why the compiled engine cannot run a job, or None if it can."""
    missing = library.why_missing()
    if missing is not None:
        return missing
    x = job.x
    if x.device.type != "cpu":
        return f"it runs on a CPU, and the input is on {x.device}"
    if x.dtype not in (torch.float32, torch.float64):
        return f"it knows float32 and float64, and the input is {x.dtype}"
    if torch.is_autocast_enabled("cpu"):
        return "under autocast torch chooses the type of every operation"
    if torch._C._functorch.get_interpreter_stack():
        return "torch.func reads torch operations"
    if type(x) is not Tensor and type(x) is not torch.nn.Parameter:
        return f"it takes tensors, and the input is a {type(x).__name__}"
    for name, leaf in program.leaves_of(job.cell).items():
        if leaf.is_floating_point() and leaf.dtype is not x.dtype:
            return f"{name} is {leaf.dtype} and the input {x.dtype}"
    try:
        constants_of(_variant(program, job), job.keep)
    except Unplanned as lack:
        return f"it lacks {lack}"
    return None


def run_native(program: Program, job: Job) -> tuple[Trace, dict[str, Tensor]]:
    """Run a program over a sequence; what `run_eager` does for a cell."""
    variant = _variant(program, job)
    order = _Order(job)
    constants = constants_of(variant, job.keep)
    prologues = _PROLOGUES.setdefault(variant, {})
    if constants not in prologues:
        prologues[constants] = compile_prologue(variant, constants)
    leaves = tuple(program.leaves_of(job.cell).values())
    values, final = run_rows(
        variant,
        job.keep,
        Rows(
            grid=order.grid,
            x=order.steps(job.x),
            extras={name: order.extra(value) for name, value in _extras(variant, job).items()},
            known={name: order.steps((job.forced or {})[name]) for name in variant.bound},
            state={name: order.rows(job.state[name]) for name in variant.states},
            constants=[k.to(job.x.dtype) for k in prologues[constants](job.x, leaves)],
        ),
    )
    return (
        {name: order.over_time(value) for name, value in values.items()},
        {name: order.back(value) for name, value in final.items()},
    )


def _variant(program: Program, job: Job) -> Program:
    """The program with resets and forced states as operations of the step."""
    resets = job.resets is not None
    forced = tuple(n for n in program.states if n in (job.forced or {}))
    key = (resets, forced, job.forced_mask is None)
    known = _PROGRAMS.setdefault(program, {})
    if key not in known:
        variant = program
        if forced and job.forced_mask is None:
            variant, forced = bind(variant, *forced), ()
        if forced:  # first, for what is forced holds after a reset
            carried = [name for name in forced if name in variant.carried]
            variant = replaced(variant, carried, _FORCE, _FORCED)
        if resets:
            variant = replaced(variant, variant.carried, _RESET, _INITIAL)
        known[key] = variant
    return known[key]


def _extras(program: Program, job: Job) -> dict[str, Tensor]:
    """The extras of `_variant`, each (T or 1, B, width)."""
    found = {}
    for name in program.extras:
        if name == _RESET:
            assert job.resets is not None
            found[name] = job.resets[..., None]
        elif name == _FORCE:
            assert job.forced_mask is not None
            found[name] = job.forced_mask[..., None]
        elif name.startswith(_INITIAL):
            found[name] = job.initial[name.removeprefix(_INITIAL)][None]
        elif name.startswith(_FORCED):
            found[name] = (job.forced or {})[name.removeprefix(_FORCED)]
        else:
            found[name] = job.extras[name]
    return {name: value.to(job.x.dtype) for name, value in found.items()}


class _Order:
    """The rows of a job as the executor takes them: step by step, at each those still running.

    Rows of different lengths are sorted, the longest first, so that no step works on padding.
    """

    def __init__(self, job: Job) -> None:
        self.shape = job.x.shape[:2]
        steps, rows = self.shape
        self.order: Tensor | None = None
        lengths = job.lengths
        if lengths is not None and bool((lengths != steps).any()):
            sorted_, self.order = torch.sort(lengths, descending=True, stable=True)
            self.grid = Grid(int(sorted_[0]), rows, sorted_)
            padded = self.grid.padded
            assert padded is not None
            self.places = padded // rows * rows + self.order[padded % rows]
        else:
            self.grid = Grid(steps, rows)

    def rows(self, value: Tensor) -> Tensor:
        """(B, width) in the executor's order."""
        return value if self.order is None else value.index_select(0, self.order)

    def back(self, value: Tensor) -> Tensor:
        """(B, width) in the caller's order."""
        return (
            value
            if self.order is None
            else torch.empty_like(value).index_copy(0, self.order, value)
        )

    def steps(self, value: Tensor) -> Tensor:
        """(T, B, width) as the rows that run."""
        flat = value.reshape(self.shape[0] * self.shape[1], value.shape[2])
        return flat if self.order is None else flat.index_select(0, self.places)

    def extra(self, value: Tensor) -> Tensor:
        """(T or 1, B, width) as the rows that run, or as (B, width)."""
        constant = value.shape[0] == 1 and self.grid.total != self.grid.rows
        return self.rows(value[0]) if constant else self.steps(value.expand(self.shape[0], -1, -1))

    def over_time(self, value: Tensor) -> Tensor:
        """What ran as (T, B, width), zero where nothing did."""
        steps, rows = self.shape
        if self.order is not None:
            padded = value.new_zeros(steps * rows, value.shape[1])
            value = padded.index_copy(0, self.places, value)
        return value.reshape(steps, rows, value.shape[1])
