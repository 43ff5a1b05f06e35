"""The eager executor: a plain loop over a cell's own step. Every other executor answers to it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from mnemonist.engine.contract import CellLike
from mnemonist.errors import CellError, ShapeError

__all__ = ["Trace", "named_step", "run_eager"]

Trace = dict[str, Tensor]
"""Values over time by name, each (T, B, width)."""


def named_step(
    cell: CellLike, x: Tensor, state: Mapping[str, Tensor], extras: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """One step with names: the new states and the outputs in one dictionary.

    Raises:
        CellError: `step` returned another number of values, or other shapes, than declared.
    """
    values = cell.step(x, *(state[name] for name in cell.state_sizes), **extras)
    values = values if isinstance(values, tuple) else (values,)
    widths = {**cell.state_sizes, **cell.output_sizes}
    if len(values) != len(widths):
        raise CellError(
            f"{type(cell).__name__}.step returned {len(values)} value(s), but the cell declares "
            f"{len(widths)}: {', '.join(widths)}. Return the states in that order, then the outputs"
        )
    for (name, width), value in zip(widths.items(), values, strict=True):
        if value.shape != (x.shape[0], width):
            raise CellError(
                f"{type(cell).__name__}.step returned {name} with shape {tuple(value.shape)}; "
                f"expected {(x.shape[0], width)}, one row of width {width} for each row of the batch"
            )
    return dict(zip(widths, values, strict=True))


def run_eager(
    cell: CellLike,
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
) -> tuple[Trace, dict[str, Tensor]]:
    """Run `cell.step` once a time step.

    Args:
        x: (T, B, I).
        state: the state before the first step.
        extras: per-step inputs, (T or 1, B, width).
        keep: the names whose values over time are returned.
        initial: what a reset puts in place of the state.
        valid: (T, B, 1), false where a row has ended: its state stays as it is.
        resets: (T, B), true where a row starts afresh before the step.
        forced: by state name, (T, B, width): what takes the place of the previous state.
        forced_mask: (T, B), where `forced` does so; everywhere if not given.

    Returns:
        The values kept, (T, B, width) each, zero behind the end of a row, and the final state.
    """
    steps, rows = x.shape[:2]
    widths = {**cell.state_sizes, **cell.output_sizes}
    state, kept = dict(state), {name: [] for name in keep}
    for name, value in extras.items():
        if value.shape[0] not in (1, steps) or value.shape[1:] != (rows, cell.extra_sizes[name]):
            raise ShapeError(
                f"extra input {name} must be (T or 1, B, width) = ({steps} or 1, {rows}, "
                f"{cell.extra_sizes[name]}); got {tuple(value.shape)}"
            )
    with parametrize.cached():  # one dropped or normalised weight a sequence, not one a step
        for t in range(steps):
            before = state
            if resets is not None and initial is not None:
                here = resets[t][:, None]
                before = {n: torch.where(here, initial[n], s) for n, s in before.items()}
            for name, values in (forced or {}).items():
                value = values[t]
                if forced_mask is not None:
                    value = torch.where(forced_mask[t][:, None], value, before[name])
                before = {**before, name: value}
            now = {n: e[0] if e.shape[0] == 1 else e[t] for n, e in extras.items()}
            after = named_step(cell, x[t], before, now)
            if valid is not None:
                here = valid[t]
                state = {n: torch.where(here, after[n], state[n]) for n in state}
                # masked with where, not by a product: a NaN in padding must not come through
                after = {n: torch.where(here, v, torch.zeros_like(v)) for n, v in after.items()}
            else:
                state = {n: after[n] for n in state}
            for name in keep:
                kept[name].append(after[name])
    return {
        name: torch.stack(values) if values else x.new_zeros(0, rows, widths[name])
        for name, values in kept.items()
    }, state
