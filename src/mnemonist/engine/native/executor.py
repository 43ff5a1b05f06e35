"""The native executor: programs, forwards and backwards, by the compiled engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.native import library
from mnemonist.engine.native.order import Order
from mnemonist.engine.native.run import Rows, constants_of, lack, run_rows
from mnemonist.engine.program import Node, Program
from mnemonist.engine.transforms import bind, replaced

__all__ = ["extras_of", "input_obstacle", "obstacle", "prologue_of", "run_native", "variant_of"]

_RESET, _INITIAL = "@reset", "@initial."
_FORCE, _FORCED = "@force", "@forced."

_Known = WeakKeyDictionary[Program, dict[Any, Any]]
_PROGRAMS: _Known = WeakKeyDictionary()
_PROLOGUES: _Known = WeakKeyDictionary()


def obstacle(program: Program, job: Job) -> str | None:
    """Why the compiled engine cannot run a job, or None if it can."""
    x = job.x
    beyond = input_obstacle(x)
    if beyond is not None:
        return beyond
    for name, leaf in program.leaves_of(job.cell).items():
        if leaf.is_floating_point() and leaf.dtype is not x.dtype:
            return f"{name} is {leaf.dtype} and the input {x.dtype}"
    for name, state in job.state.items():
        if state.dtype is not x.dtype:
            return f"the state {name} is {state.dtype} and the input {x.dtype}"
    missing = lack(_variant(program, job), job.keep, torch.is_grad_enabled())
    return None if missing is None else f"it lacks {missing}"


def input_obstacle(x: Tensor) -> str | None:
    """Why the compiled engine cannot run any program on this input, here and now."""
    missing = library.why_missing()
    if missing is not None:
        return missing
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
    return None


def run_native(program: Program, job: Job) -> tuple[Trace, dict[str, Tensor]]:
    """Run a program over a sequence; what `run_eager` does for a cell."""
    variant = _variant(program, job)
    steps, rows = job.x.shape[:2]
    order = Order(steps, rows, job.lengths)
    prologue = prologue_of(variant, constants_of(variant, job.keep))
    leaves = tuple(job.leaves_of(program).values())
    values, final = run_rows(
        variant,
        job.keep,
        Rows(
            grid=order.grid,
            x=order.steps(job.x),
            extras={
                name: order.extra(value) for name, value in extras_of(variant.extras, job).items()
            },
            known={name: order.steps((job.forced or {})[name]) for name in variant.bound},
            state={name: order.rows(job.state[name]) for name in variant.states},
            constants=[k.to(job.x.dtype) for k in prologue(job.x, leaves)],
        ),
    )
    return (
        {name: order.over_time(value) for name, value in values.items()},
        {name: order.back(value) for name, value in final.items()},
    )


def prologue_of(program: Program, constants: tuple[Node, ...]) -> Callable[..., Any]:
    """The function of x and a program's leaves that computes these values of binding time K."""
    known = _PROLOGUES.setdefault(program, {})
    if constants not in known:
        known[constants] = compile_prologue(program, constants)
    return known[constants]


def _variant(program: Program, job: Job) -> Program:
    forced = tuple(n for n in program.states if n in (job.forced or {}))
    return variant_of(program, job.resets is not None, forced, job.forced_mask is None)


def variant_of(
    program: Program, resets: bool, forced: tuple[str, ...], everywhere: bool
) -> Program:
    """The program with resets and forced states as operations of the step.

    Args:
        program: the program of a step.
        resets: whether rows start afresh in between.
        forced: the states that are forced.
        everywhere: whether they are at every step, not only where a mask says so.
    """
    key = (resets, forced, everywhere)
    known = _PROGRAMS.setdefault(program, {})
    if key not in known:
        variant = program
        if forced and everywhere:
            variant, forced = bind(variant, *forced), ()
        if forced:  # first, for what is forced holds after a reset
            carried = [name for name in forced if name in variant.carried]
            variant = replaced(variant, carried, _FORCE, _FORCED)
        if resets:
            variant = replaced(variant, variant.carried, _RESET, _INITIAL)
        known[key] = variant
    return known[key]


def extras_of(names: Iterable[str], job: Job) -> dict[str, Tensor]:
    """The extras of these names of a program that `variant_of` made, each (T or 1, B, width)."""
    found = {}
    for name in names:
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
