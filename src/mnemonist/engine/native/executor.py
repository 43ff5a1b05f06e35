"""The native executor: programs, forwards and backwards, by the compiled engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.native import library
from mnemonist.engine.native.compile import constants_of
from mnemonist.engine.native.compiled import Signature, compiled, lack
from mnemonist.engine.native.order import Order
from mnemonist.engine.native.run import run_plans
from mnemonist.engine.program import Node, Program
from mnemonist.engine.transforms import bind, replaced

__all__ = ["extras_of", "input_obstacle", "obstacle", "prologue_of", "run_native", "variant_of"]

_RESET, _INITIAL = "@reset", "@initial."
_FORCE, _FORCED = "@force", "@forced."


def obstacle(program: Program, job: Job) -> str | None:
    """Why the compiled engine cannot run a job, or None if it can."""
    dtype = job.x.dtype
    beyond = input_obstacle(job.x)
    if beyond is not None:
        return beyond
    for name, leaf in job.leaves_of(program).items():
        if leaf.dtype is not dtype and leaf.is_floating_point():
            return f"{name} is {leaf.dtype} and the input {dtype}"
        if not leaf.is_cpu:
            return f"it runs on a CPU, and {name} is on {leaf.device}"
    for name, state in job.state.items():
        if state.dtype is not dtype:
            return f"the state {name} is {state.dtype} and the input {dtype}"
    missing = _kind(program, job).lack(torch.is_grad_enabled())
    return None if missing is None else f"it lacks {missing}"


def input_obstacle(x: Tensor) -> str | None:
    """Why the compiled engine cannot run any program on this input, here and now."""
    missing = library.why_missing()
    if missing is not None:
        return missing
    if not x.is_cpu:
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
    x, dtype, keep = job.x, job.x.dtype, job.keep
    kind = _kind(program, job)
    variant = kind.program
    order = Order(x.shape[0], x.shape[1], job.lengths)
    tensors = [order.over_steps(x)]
    fixed: frozenset[str] = frozenset()
    if variant.extras:
        extras = extras_of(variant.extras, job)
        fixed = frozenset(name for name, value in extras.items() if order.is_fixed(value))
        tensors += map(order.extra, extras.values())
    if variant.bound and job.forced:
        tensors += [order.over_steps(job.forced[name]) for name in variant.bound]
    tensors += [order.rows(job.state[name]) for name in variant.states]
    tensors += kind.prologue(x, tuple(job.leaves_of(program).values()))
    tensors = [t if t.dtype is dtype and t.is_cpu else t.to(x.device, dtype) for t in tensors]
    wanted: tuple[int, ...] = ()
    if torch.is_grad_enabled():
        wanted = tuple([i for i, tensor in enumerate(tensors) if tensor.requires_grad])
    code = compiled(variant, Signature(keep, fixed, wanted, order.order is not None))
    results = run_plans(code, order.grid, tensors)
    return (
        {name: order.over_time(value) for name, value in zip(keep, results)},
        {name: order.back(v) for name, v in zip(variant.states, results[len(keep) :])},
    )


class _Kind:
    """What calls have in common that keep the same and are given states in the same way.

    Attributes:
        program: with resets and forced states as operations of the step.
        prologue: `prologue_of` what a run reads of binding time K.
    """

    def __init__(self, program: Program, keep: tuple[str, ...]) -> None:
        self.program, self._keep = program, keep
        self.prologue = prologue_of(program, constants_of(program, keep))
        self._lacks: dict[bool, str | None] = {}

    def lack(self, gradients: bool) -> str | None:
        """What the compiled engine lacks for it, backwards too if asked; None if nothing."""
        if gradients not in self._lacks:
            self._lacks[gradients] = lack(self.program, self._keep, gradients)
        return self._lacks[gradients]


def _kind(program: Program, job: Job) -> _Kind:
    forced = tuple([n for n in program.states if n in job.forced]) if job.forced else ()
    given = job.resets is not None, forced, job.forced_mask is None
    found = program.memo.get((_Kind, job.keep, given))
    if found is None:
        made = _Kind(variant_of(program, *given), job.keep)
        found = program.memo.setdefault((_Kind, job.keep, given), made)
    return found


def prologue_of(program: Program, constants: tuple[Node, ...]) -> Callable[..., Any]:
    """The function of x and a program's leaves that computes these values of binding time K."""
    found = program.memo.get((compile_prologue, constants))
    if found is None:
        made = compile_prologue(program, constants)
        found = program.memo.setdefault((compile_prologue, constants), made)
    return found


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
    key = (variant_of, resets, forced, everywhere)
    if key not in program.memo:
        variant = program
        if forced and everywhere:
            variant, forced = bind(variant, *forced), ()
        if forced:  # first, for what is forced holds after a reset
            carried = [name for name in forced if name in variant.carried]
            variant = replaced(variant, carried, _FORCE, _FORCED)
        if resets:
            variant = replaced(variant, variant.carried, _RESET, _INITIAL)
        program.memo.setdefault(key, variant)
    found: Program = program.memo[key]
    return found


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
