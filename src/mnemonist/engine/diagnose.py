"""Why a cell has no program: the cause, where the first odd operation is only its symptom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from mnemonist.engine.contract import CellLike
from mnemonist.engine.lines import location, running_step
from mnemonist.engine.private import copy_with, privately, random_inputs, tensors_of
from mnemonist.engine.recorder import READING, reads_value, tensors_in
from mnemonist.errors import UnrepresentableError

__all__ = ["diagnosed"]

_ROWS = 4
_TOGETHER = "rows of the batch"


def diagnosed(cell: CellLike, refusal: UnrepresentableError) -> UnrepresentableError:
    """The refusal of a step, about its cause rather than the first operation that shows it.

    A copy of the cell runs its step to the end. Python that reads the value of a row comes
    first: no other change to the step would help. Next comes a step in which one row changes
    another, found by changing one. A cell that cannot be copied keeps the refusal.
    """
    assert isinstance(cell, nn.Module)
    device = next((t.device for t in tensors_of(cell).values()), torch.device("cpu"))
    try:
        with privately(device):
            read = _read(cell)
            if read is not None:
                return UnrepresentableError(read[0], READING, read[1])
            if _TOGETHER not in refusal.reason and _couples_rows(cell):
                reason = f"mixes the {_TOGETHER}: one row changes what comes out for another"
                name = f"{type(cell).__name__}.step"
                return UnrepresentableError(name, reason, refusal.location)
    except Exception:  # the step fails by itself: the refusal says how
        return refusal
    return refusal


def _read(cell: CellLike) -> tuple[str, str] | None:
    """The function that first reads a value that depends on the rows, and its line."""
    twin = copy_with(cell)
    if twin is None:
        return None
    x, states, extras = random_inputs(twin, _ROWS)
    reads = _Reads([x, *states.values(), *extras.values()])
    with reads:
        twin.step(x, *states.values(), **extras)
    return reads.found


def _couples_rows(cell: CellLike) -> bool:
    """Whether another first row makes other values in the rest."""
    results = []
    for shift in (0.0, 1.0):
        twin = copy_with(cell)
        if twin is None:
            return False
        x, states, extras = random_inputs(twin, _ROWS)
        for value in (x, *states.values()):
            value[0] += shift
        torch.manual_seed(_ROWS)
        with torch.no_grad():
            returned = twin.step(x, *states.values(), **extras)
        returned = returned if isinstance(returned, tuple) else (returned,)
        results.append([value[1:].double() for value in returned])
    return not all(
        torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(*results, strict=True)
    )


class _Reads(TorchFunctionMode):
    """Follows what depends on the rows, until Python reads a value of it."""

    def __init__(self, rows: list[Tensor]) -> None:
        super().__init__()
        self.found: tuple[str, str] | None = None
        self._kept = list(rows)  # an id names a tensor only as long as it lives
        self._followed = {id(t) for t in rows}

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        follows = any(id(t) in self._followed for t in tensors_in((args, kwargs or {})))
        name = resolve_name(func) or ""
        if self.found is None and follows and reads_value(name):
            self.found = name.rpartition(".")[2].strip("_"), location(running_step())
        result = func(*args, **(kwargs or {}))
        if follows:
            for tensor in tensors_in(result):
                self._kept.append(tensor)
                self._followed.add(id(tensor))
        return result
