"""Second derivatives of the compiled engine's runs: the first one over again, by torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mnemonist.engine.interpret import run_program
from mnemonist.engine.native.compiled import Compiled
from mnemonist.engine.native.order import Grid
from mnemonist.engine.program import Program
from mnemonist.engine.time import valid_mask

__all__ = ["again", "as_read", "run_again"]


def run_again(
    code: Compiled, grid: Grid, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """∂L/∂ of every tensor of a run as torch operations, to be differentiated once more."""
    return again(_by_torch(code, grid, tensors), tensors, gradients)


def again(
    outputs: Sequence[Tensor], tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """∂L/∂ of every tensor that wants one, from ∂L/∂ of what was computed of them by torch."""
    pairs = [(o, g) for o, g in zip(outputs, gradients) if g is not None and o.requires_grad]
    inputs = [t for t in tensors if t.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs], inputs, [g for _, g in pairs], create_graph=True, allow_unused=True
    )
    by_input = iter(found)
    return [next(by_input) if t.requires_grad else None for t in tensors]


def as_read(program: Program, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inputs as torch operations read them: conditions as bool, which plans hold as numbers."""
    logical = {n.attr[0] for n in program.nodes if n.op in ("input", "known") and n.logical}
    return {name: value != 0 if name in logical else value for name, value in named.items()}


def _by_torch(code: Compiled, grid: Grid, tensors: Sequence[Tensor]) -> list[Tensor]:
    """What a run computes, by the program executor."""
    steps, rows, index = grid.steps, grid.rows, grid.padded
    given = dict(zip(code.keys, tensors, strict=True))

    def over_time(value: Tensor) -> Tensor:
        if index is None:
            return value.reshape(steps, rows, -1)
        padded = value.new_zeros(steps * rows, value.shape[1]).index_copy(0, index, value)
        return padded.reshape(steps, rows, -1)

    program = code.of_constants
    extras = {}
    for name in program.extras:
        value = given["extra", name]
        extras[name] = value[None] if name in code.signature.fixed else over_time(value)
    values, final = run_program(
        program,
        {f"k{i}": given["constant", i] for i in range(len(code.constants))},
        over_time(given["x", "x"]),
        {name: given["state", name] for name in program.states},
        as_read(program, extras),
        keep=code.signature.keep,
        valid=None if grid.lengths is None else valid_mask(grid.lengths, steps),
        forced={name: over_time(given["known", name]) for name in program.bound},
    )
    kept = [values[name] for name in code.signature.keep]
    if index is not None:
        kept = [value.flatten(0, 1)[index] for value in kept]
    return [*kept, *final.values()]
