"""Run any cell over time."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recompute

from mnemonist.engine import time
from mnemonist.engine.contract import CellLike, Emit, Unrolled
from mnemonist.engine.executors import Run, choose
from mnemonist.engine.job import Job, Trace
from mnemonist.errors import ConfigError, ShapeError

__all__ = ["unroll"]


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
    if x.dim() != 3 or x.shape[-1] != cell.input_size:
        raise ShapeError(f"x must be (T, B, {cell.input_size}); got {tuple(x.shape)}")
    steps, rows = x.shape[:2]
    initial = cell.initial_state(rows, device=x.device, dtype=x.dtype)
    state = initial | _checked(
        state or {}, {n: (rows, w) for n, w in cell.state_sizes.items()}, "state"
    )
    forced = _checked(
        forced or {}, {n: (steps, rows, w) for n, w in cell.state_sizes.items()}, "forced state"
    )
    extras = dict(extras or {})
    drawn = _drawn(cell, extras, x)
    _checked_extras(cell, drawn | extras, steps, rows)
    emits = _names(emit if emit is not None else cell.emits)
    known = {**cell.state_sizes, **cell.output_sizes}
    for name in emits:
        if name not in known:
            raise ConfigError(f"cannot emit {name!r}: the cell has {', '.join(known)}")
    if resets is not None and resets.shape != (steps, rows):
        raise ShapeError(f"resets must be (T, B) = {(steps, rows)}; got {tuple(resets.shape)}")
    if lengths is not None:
        lengths = time.check_lengths(lengths, steps, rows, x.device)
        # what stands in padding must not reach a product: 0 · NaN is NaN, in gradients too
        x = x.masked_fill(~time.valid_mask(lengths, steps), 0)
    if reverse:
        x = time.reverse_rows(x, lengths)
        resets = None if resets is None else time.reverse_resets(resets, lengths)
        extras = {n: e if len(e) == 1 else time.reverse_rows(e, lengths) for n, e in extras.items()}
        forced = {n: time.reverse_rows(f, lengths) for n, f in forced.items()}
        forced_mask = None if forced_mask is None else time.reverse_rows(forced_mask, lengths)
    keep = tuple(dict.fromkeys((*emits, *(cell.state_sizes if all_states else ()))))
    job = Job(cell, x, state, drawn | extras, keep, initial, lengths, resets, forced, forced_mask)
    run = choose(job, executor, strict=strict).executor.run
    values, final = run(job) if checkpoint is None else _in_segments(run, job, checkpoint)
    if reverse:
        values = {n: time.reverse_rows(v, lengths) for n, v in values.items()}
    output = values[emits[0]] if len(emits) == 1 else torch.cat([values[n] for n in emits], -1)
    states = {n: values[n] for n in cell.state_sizes} if all_states else None
    return Unrolled(output, final, states)


def _in_segments(run: Run, job: Job, size: int) -> tuple[Trace, dict[str, Tensor]]:
    """Run in segments that are run again when their gradient is taken (Chen et al. 2016)."""
    steps = len(job.x)
    if steps == 0 or not torch.is_grad_enabled():
        return run(job)
    size = size or max(1, isqrt(steps))
    pieces, state = [], dict(job.state)
    for start in range(0, steps, size):
        piece = job.piece(start, min(start + size, steps), state)
        values, state = recompute(run, piece, use_reentrant=False)
        pieces.append(values)
    return {name: torch.cat([piece[name] for piece in pieces]) for name in job.keep}, state


def _names(emit: Emit) -> tuple[str, ...]:
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


def _drawn(cell: CellLike, extras: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    if extras.keys() >= cell.extra_sizes.keys():
        return {}
    return cell.draw_extras(x.shape[0], x.shape[1], device=x.device, dtype=x.dtype)


def _checked_extras(cell: CellLike, extras: Mapping[str, Tensor], steps: int, rows: int) -> None:
    sizes = cell.extra_sizes
    if extras.keys() != sizes.keys():
        raise ConfigError(
            f"the cell takes the extra inputs {', '.join(sizes) or 'none'}; "
            f"got {', '.join(extras) or 'none'}"
        )
    for name, value in extras.items():
        if value.shape[0] not in (1, steps) or value.shape[1:] != (rows, sizes[name]):
            raise ShapeError(
                f"extra input {name} must be (T or 1, B, width) = ({steps} or 1, {rows}, "
                f"{sizes[name]}); got {tuple(value.shape)}"
            )
