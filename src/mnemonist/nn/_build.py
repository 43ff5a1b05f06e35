"""From the description of a layer to its cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from torch import nn

from mnemonist import cells
from mnemonist.engine import CellLike
from mnemonist.engine.contract import Emit
from mnemonist.errors import ConfigError
from mnemonist.nn._check import check_name
from mnemonist.nn._options import check_options

__all__ = ["CellSpec", "Maker", "carried_states", "emitted_names", "emitted_width"]

CellSpec = str | type | Callable[..., Any]
"""A registered name, a cell's class, or a callable (input_size, hidden_size) -> cell."""


@dataclass(frozen=True)
class Maker:
    """Makes the cells of a stack: resolves the name, passes the options, wraps regularisers."""

    spec: CellSpec
    options: Mapping[str, Any] = field(default_factory=dict)
    zoneout: float | Mapping[str, float] = 0.0
    variational_dropout: float | Mapping[str, float] = 0.0
    weight_dropout: float = 0.0

    def __call__(self, input_size: int, hidden_size: int) -> CellLike:
        """One cell, regularised from the inside out: its weights, its operands, its states."""
        make = cells.resolve(self.spec)
        if isinstance(make, nn.Module):
            raise ConfigError(
                f"cell must be a name, a class or a callable (input_size, hidden_size) -> cell; "
                f"got a {type(make).__name__}. Every layer and direction makes its own cell"
            )
        check_options(make, self.options)
        made = make(input_size, hidden_size, **self.options)
        if not isinstance(made, CellLike) or not isinstance(made, nn.Module):
            raise ConfigError(
                f"{getattr(make, '__name__', make)} made a {type(made).__name__}, which is not a "
                "cell: it needs states, sizes and step, as mnemonist.cells.Cell has them"
            )
        cell = cast(cells.Cell, made)
        if self.weight_dropout:
            cell = cells.WeightDropout(cell, self.weight_dropout)
        if self.variational_dropout:
            rates = self.variational_dropout
            rates = rates if isinstance(rates, Mapping) else {"input": rates, "state": rates}
            cell = cells.VariationalDropout(cell, **rates)
        return cells.Zoneout(cell, self.zoneout) if self.zoneout else cell


def emitted_names(cell: CellLike, emit: Emit | None = None) -> tuple[str, ...]:
    """The names of what a cell emits, or of `emit` in place of it, checked."""
    names = cell.emits if emit is None else emit
    names = (names,) if isinstance(names, str) else tuple(names)
    known = {**cell.state_sizes, **cell.output_sizes}
    for name in names:
        check_name("state to emit", name, known)
    if not names:
        raise ConfigError(f"emit names no state; there is {', '.join(known)}")
    return names


def carried_states(cell: CellLike) -> list[str]:
    """The names of the states that a cell emits; of its first one if it emits none."""
    return [n for n in emitted_names(cell) if n in cell.state_sizes] or [
        next(iter(cell.state_sizes))
    ]


def emitted_width(cell: CellLike, emit: Emit | None = None) -> int:
    """Width of what a cell emits, or of `emit` in place of it."""
    widths = {**cell.state_sizes, **cell.output_sizes}
    return sum(widths[name] for name in emitted_names(cell, emit))
