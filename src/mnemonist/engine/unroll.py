"""Run any cell over time."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recompute

from mnemonist.engine import time
from mnemonist.engine.contract import CellLike, Emit, Unrolled
from mnemonist.engine.eager import Trace, run_eager
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
    state = initial | _checked(state or {}, {n: (rows, w) for n, w in cell.state_sizes.items()}, "state")
    forced = _checked(
        forced or {}, {n: (steps, rows, w) for n, w in cell.state_sizes.items()}, "forced state"
    )
    extras = dict(extras or {})
    drawn = {} if extras.keys() >= cell.extra_sizes.keys() else cell.draw_extras(
        steps, rows, device=x.device, dtype=x.dtype
    )
    emits = _names(emit if emit is not None else cell.emits)
    known = {**cell.state_sizes, **cell.output_sizes}
    for name in emits:
        if name not in known:
            raise ConfigError(f"cannot emit {name!r}: the cell has {', '.join(known)}")
    if resets is not None and resets.shape != (steps, rows):
        raise ShapeError(f"resets must be (T, B) = {(steps, rows)}; got {tuple(resets.shape)}")
    valid = None
    if lengths is not None:
        lengths = time.check_lengths(lengths, steps, rows, x.device)
        valid = time.valid_mask(lengths, steps)
    if reverse:
        x = time.reverse_rows(x, lengths)
        resets = None if resets is None else time.reverse_resets(resets, lengths)
        extras = {n: e if e.shape[0] == 1 else time.reverse_rows(e, lengths) for n, e in extras.items()}
        forced = {n: time.reverse_rows(f, lengths) for n, f in forced.items()}
        forced_mask = None if forced_mask is None else time.reverse_rows(forced_mask, lengths)
    extras = {**drawn, **extras}

    keep = tuple(dict.fromkeys((*emits, *(cell.state_sizes if all_states else ()))))
    run = run_eager
    over_time = {"x": x, "valid": valid, "resets": resets, "forced_mask": forced_mask}

    def segment(start: int, stop: int, state: dict[str, Tensor]) -> tuple[Trace, dict[str, Tensor]]:
        cut = {n: None if v is None else v[start:stop] for n, v in over_time.items()}
        return run(
            cell,
            cut.pop("x"),
            state,
            {n: e if e.shape[0] == 1 else e[start:stop] for n, e in extras.items()},
            keep=keep,
            initial=initial,
            forced={n: f[start:stop] for n, f in forced.items()},
            **cut,
        )

    if checkpoint is None or not torch.is_grad_enabled() or steps == 0:
        values, final = segment(0, steps, state)
    else:
        size = checkpoint or max(1, isqrt(steps))
        pieces, final = [], state
        for start in range(0, steps, size):
            piece, final = recompute(
                segment, start, min(start + size, steps), final, use_reentrant=False
            )
            pieces.append(piece)
        values = {n: torch.cat([p[n] for p in pieces]) for n in keep}
    if reverse:
        values = {n: time.reverse_rows(v, lengths) for n, v in values.items()}
    output = values[emits[0]] if len(emits) == 1 else torch.cat([values[n] for n in emits], -1)
    states = {n: values[n] for n in cell.state_sizes} if all_states else None
    return Unrolled(output, final, states)


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
