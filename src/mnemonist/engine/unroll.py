"""Run any cell over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mnemonist.engine import time
from mnemonist.engine.contract import CellLike, Emit, Unrolled
from mnemonist.engine.executors import OUTSIDE_GRAPHS, choose
from mnemonist.engine.job import Job
from mnemonist.engine.outside import Outside, breaks_graphs
from mnemonist.engine.segments import run_in_segments
from mnemonist.errors import ConfigError, ShapeError

__all__ = ["names", "prepare", "unroll"]


def unroll(
    cell: CellLike,
    x: Tensor,
    state: Mapping[str, Tensor] | None = None,
    *,
    lengths: Tensor | list[int] | None = None,
    resets: Tensor | None = None,
    reverse: bool = False,
    extras: Mapping[str, Tensor] | None = None,
    forced: Mapping[str, Tensor] | None = None,
    forced_mask: Tensor | None = None,
    emit: Emit | None = None,
    all_states: bool = False,
    checkpoint: int | None = None,
    executor: str = "auto",
    strict: bool = False,
) -> Unrolled:
    """Run `cell` over a sequence.

    Args:
        cell: anything with a cell's names, sizes and `step`.
        x: (T, B, I).
        state: the state before the first step, (B, width) by name; a name left out starts
            as `cell.initial_state` says.
        lengths: (B,), the steps of each row; all T if not given. Padding behind them
            influences nothing; the output there is zero.
        resets: bool (T, B), true where a row starts afresh from the initial state.
        reverse: run from each row's last step to its first; outputs stay in the order of x.
        extras: the cell's per-step inputs by name, (T or 1, B, width). Those that the cell
            draws itself (dropout masks) are drawn when they are not given.
        forced: by state name, (T, B, width): what the step sees in place of its previous
            state (teacher forcing: the targets, one step late).
        forced_mask: bool (T, B), where `forced` holds; everywhere if not given.
        emit: the states or outputs that make the output; several are concatenated. By
            default what the cell emits.
        all_states: whether every state at every step is returned too.
        checkpoint: recompute the loop in segments of this many steps when the gradient is
            taken, instead of storing every step (0: segments of √T steps).
        executor: "auto", or the name of the executor that must run.
        strict: raise where the cell has no program, instead of running eagerly.

    Raises:
        ShapeError: an input whose shape does not fit the cell.
        ConfigError: an unknown name of a state or executor.
        UnrepresentableError: `strict`, and the step has no program form.
    """
    given: dict[str, Any] = {
        "lengths": lengths,
        "resets": resets,
        "reverse": reverse,
        "extras": extras,
        "forced": forced,
        "forced_mask": forced_mask,
        "emit": emit,
        "all_states": all_states,
    }
    if executor in OUTSIDE_GRAPHS and breaks_graphs():
        options = {"checkpoint": checkpoint, "executor": executor, "strict": strict}
        done: Unrolled = _outside_graphs(cell, x, state, **given, **options)
        return done
    job = prepare(cell, x, state, **given)
    choice = choose(job, executor, strict=strict)
    values, final = (
        choice.run(job) if checkpoint is None else run_in_segments(choice, job, checkpoint)
    )
    if reverse:
        values = {n: time.reverse_rows(v, job.lengths) for n, v in values.items()}
    emits = names(cell.emits if emit is None else emit)
    output = values[emits[0]] if len(emits) == 1 else torch.cat([values[n] for n in emits], -1)
    return Unrolled(output, final, {n: values[n] for n in final} if all_states else None)


_outside_graphs = Outside(
    unroll,
    f"the executors {', '.join(OUTSIDE_GRAPHS)} run outside the graph; 'native' is one operator in it, and "
    "'eager' one step after the other",
)


def prepare(
    cell: CellLike,
    x: Tensor,
    state: Mapping[str, Tensor] | None = None,
    *,
    lengths: Tensor | list[int] | None = None,
    resets: Tensor | None = None,
    reverse: bool = False,
    extras: Mapping[str, Tensor] | None = None,
    forced: Mapping[str, Tensor] | None = None,
    forced_mask: Tensor | None = None,
    emit: Emit | None = None,
    all_states: bool = False,
) -> Job:
    """Check the arguments of `unroll` and lay them out in the order in which steps are taken."""
    if x.dim() != 3 or x.shape[-1] != cell.input_size:
        raise ShapeError(f"x must be (T, B, {cell.input_size}); got {tuple(x.shape)}")
    steps, rows = x.shape[:2]
    sizes = cell.state_sizes
    given = _checked(state, {n: (rows, w) for n, w in sizes.items()}, "state") if state else {}
    initial = given
    if resets is not None or len(given) < len(sizes):
        initial = cell.initial_state(rows, device=x.device, dtype=x.dtype)
    if forced:
        shapes = {n: (steps, rows, w) for n, w in sizes.items()}
        forced = _checked(forced, shapes, "forced state")
    emits = names(cell.emits if emit is None else emit)
    for name in emits:
        if name not in sizes and name not in cell.output_sizes:
            known = ", ".join([*sizes, *cell.output_sizes])
            raise ConfigError(f"cannot emit {name!r}: the cell has {known}")
    if resets is not None and resets.shape != (steps, rows):
        raise ShapeError(f"resets must be (T, B) = {(steps, rows)}; got {tuple(resets.shape)}")
    drawn, extras = _extras(cell, extras or {}, x)
    if lengths is not None:
        lengths = time.check_lengths(lengths, steps, rows, x.device)
        # what stands in padding must not reach a product: 0 · NaN is NaN, in gradients too
        x = x.masked_fill(~time.valid_mask(lengths, steps), 0)
    if reverse:
        x = time.reverse_rows(x, lengths)
        resets = None if resets is None else time.reverse_resets(resets, lengths)
        extras = {n: e if len(e) == 1 else time.reverse_rows(e, lengths) for n, e in extras.items()}
        forced = {n: time.reverse_rows(f, lengths) for n, f in (forced or {}).items()}
        forced_mask = None if forced_mask is None else time.reverse_rows(forced_mask, lengths)
    return Job(
        cell=cell,
        x=x,
        state={name: given[name] if name in given else initial[name] for name in sizes},
        extras=drawn | extras,
        keep=tuple(dict.fromkeys((*emits, *(sizes if all_states else ())))),
        initial=initial,
        lengths=lengths,
        resets=resets,
        forced=forced,
        forced_mask=forced_mask,
    )


def names(emit: Emit) -> tuple[str, ...]:
    """What is emitted, as a tuple of names."""
    return (emit,) if isinstance(emit, str) else tuple(emit)


def _checked(
    given: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], what: str
) -> dict[str, Tensor]:
    for name, value in given.items():
        if name not in shapes:
            raise ConfigError(f"unknown {what} {name!r}: the cell has {', '.join(shapes)}")
        if value.shape != shapes[name]:
            raise ShapeError(f"{what} {name} must be {shapes[name]}; got {tuple(value.shape)}")
    return dict(given)


def _extras(
    cell: CellLike, given: Mapping[str, Tensor], x: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The extras that the cell draws for itself, and those given."""
    sizes = cell.extra_sizes
    if not sizes and not given:
        return {}, {}
    steps, rows = x.shape[:2]
    drawn = {}
    if not given.keys() >= sizes.keys():
        drawn = cell.draw_extras(steps, rows, device=x.device, dtype=x.dtype)
    if {*drawn, *given} != {*sizes}:
        raise ConfigError(
            f"the cell takes the extra inputs {', '.join(sizes) or '(none)'}; "
            f"got {', '.join({**drawn, **given}) or '(none)'}"
        )
    for name, value in given.items():
        if value.shape[0] not in (1, steps) or value.shape[1:] != (rows, sizes[name]):
            raise ShapeError(
                f"extra input {name} must be (T or 1, B, width) = ({steps} or 1, {rows}, "
                f"{sizes[name]}); got {tuple(value.shape)}"
            )
    return drawn, dict(given)
