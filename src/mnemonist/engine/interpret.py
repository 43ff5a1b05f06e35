"""The program executor in torch operations, under torch's autograd.

It runs a program as its stages say: parameters once, what depends on x for all steps at once,
the loop, and behind it what only outputs need. It is the executor for every device and dtype
that torch has, and what compiled executors are compared with next to `eager`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.codegen import Variant, compile_loop, compile_step
from mnemonist.engine.program import Program
from mnemonist.engine.transforms import bind
from mnemonist.errors import ShapeError

__all__ = ["run_program", "run_step"]

_COMPILED: WeakKeyDictionary[Program, dict[Any, Callable[..., Any]]] = WeakKeyDictionary()
_BOUND: WeakKeyDictionary[Program, dict[tuple[str, ...], Program]] = WeakKeyDictionary()


def run_program(
    program: Program,
    leaves: Mapping[str, Tensor],
    x: Tensor,
    state: Mapping[str, Tensor],
    extras: Mapping[str, Tensor],
    *,
    keep: tuple[str, ...],
    initial: Mapping[str, Tensor] | None = None,
    valid: Tensor | None = None,
    resets: Tensor | None = None,
    forced: Mapping[str, Tensor] | None = None,
    forced_mask: Tensor | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Run a program over a sequence; what `run_eager` does for a cell.

    Args:
        leaves: the parameters and buffers of `Program.leaves` by name.
        x: (T, B, I).
        state: the state before the first step.
        extras: per-step inputs, (T or 1, B, width).
        keep: the names whose values over time are returned.
        initial: what a reset puts in place of the state.
        valid: (T, B, 1), false where a row has ended: its state stays as it is.
        resets: (T, B), true where a row starts afresh before the step.
        forced: by state name, (T, B, width): what takes the place of the previous state. A
            state forced at every step is no recurrence: what hung on it is hoisted.
        forced_mask: (T, B), where `forced` does so; everywhere if not given.

    Returns:
        The values kept, (T, B, width) each, zero behind the end of a row, and the final state.

    Raises:
        ShapeError: an extra input of another shape.
    """
    _check_extras(program, x, extras)
    forced = forced or {}
    known: tuple[Tensor, ...] = ()
    if forced and forced_mask is None:
        program = _bound(program, tuple(n for n in program.states if n in forced))
        known = tuple(forced[name] for name in program.bound)
        forced = {}
    partly = tuple(name for name in program.carried if name in forced)
    variant = Variant(
        keep=keep,
        masked=valid is not None,
        resets=resets is not None and initial is not None,
        forced=partly,
        fused=not torch.is_autocast_enabled(x.device.type),
    )
    run = _compiled(program, variant)
    values, finals = run(
        x,
        tuple(leaves[name] for name in program.leaves),
        tuple(extras[name] for name in program.extras),
        known,
        tuple(state[name] for name in program.states),
        None if initial is None else tuple(initial[name] for name in program.states),
        valid,
        resets,
        tuple(forced[name] for name in partly),
        forced_mask,
    )
    return dict(zip(keep, values)), dict(zip(program.states, finals))


def run_step(
    program: Program,
    leaves: Mapping[str, Tensor],
    x: Tensor,
    states: tuple[Tensor, ...],
    extras: Mapping[str, Tensor],
) -> tuple[Tensor, ...]:
    """One step of a program: x (B, I) and states (B, width) to new states, then outputs."""
    run = _compiled(program, "step")
    return run(
        x,
        tuple(leaves[name] for name in program.leaves),
        tuple(extras[name] for name in program.extras),
        states,
    )


def _compiled(program: Program, variant: Variant | str) -> Callable[..., Any]:
    runs = _COMPILED.setdefault(program, {})
    run = runs.get(variant)
    if run is None:
        run = (
            compile_loop(program, variant)
            if isinstance(variant, Variant)
            else compile_step(program)
        )
        runs[variant] = run
    return run


def _bound(program: Program, names: tuple[str, ...]) -> Program:
    programs = _BOUND.setdefault(program, {})
    if names not in programs:
        programs[names] = bind(program, *names)
    return programs[names]


def _check_extras(program: Program, x: Tensor, extras: Mapping[str, Tensor]) -> None:
    steps, rows = x.shape[:2]
    for name, width in program.extras.items():
        shape = extras[name].shape
        if shape[0] not in (1, steps) or shape[1:] != (rows, width):
            raise ShapeError(
                f"extra input {name} must be (T or 1, B, width) = ({steps} or 1, {rows}, "
                f"{width}); got {tuple(shape)}"
            )
