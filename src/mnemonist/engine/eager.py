"""The eager executor: a plain loop over a cell's own step. Every other executor answers to it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mnemonist.engine.contract import CellLike
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.parametrised import cached
from mnemonist.errors import CellError

__all__ = ["named_step", "run_eager"]


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


def run_eager(job: Job) -> tuple[Trace, dict[str, Tensor]]:
    """Run `cell.step` once a time step; the values kept over time, and the final state."""
    cell, x, valid = job.cell, job.x, job.valid
    steps, rows = x.shape[:2]
    state, forced = dict(job.state), job.forced or {}
    kept: dict[str, list[Tensor]] = {name: [] for name in job.keep}
    with cached():  # a weight is normalised, or dropped, once a sequence
        for t in range(steps):
            before = state
            if job.resets is not None:
                here = job.resets[t][:, None]
                before = {n: torch.where(here, job.initial[n], s) for n, s in before.items()}
            for name, values in forced.items():
                value = values[t]
                if job.forced_mask is not None:
                    value = torch.where(job.forced_mask[t][:, None], value, before[name])
                before = {**before, name: value}
            now = {n: e[0] if e.shape[0] == 1 else e[t] for n, e in job.extras.items()}
            after = named_step(cell, x[t], before, now)
            if valid is not None:
                here = valid[t]
                state = {n: torch.where(here, after[n], state[n]) for n in state}
                # masked with where, not by a product: a NaN in padding must not come through
                after = {n: torch.where(here, v, torch.zeros_like(v)) for n, v in after.items()}
            else:
                state = {n: after[n] for n in state}
            for name in job.keep:
                kept[name].append(after[name])
    widths = {**cell.state_sizes, **cell.output_sizes}
    return {
        name: torch.stack(values) if values else x.new_zeros(0, rows, widths[name])
        for name, values in kept.items()
    }, state
