"""What the engine asks of a cell, and what it gives back.

The engine never imports a cell family: anything with this shape can be unrolled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

__all__ = ["CellLike", "Emit", "Unrolled"]

Emit = str | tuple[str, ...]


@runtime_checkable
class CellLike(Protocol):
    """One step of a recurrence: its names, its sizes and its equations."""

    training: bool
    input_size: int

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """Name and width of every state, in the order that `step` takes and returns them."""

    @property
    def output_sizes(self) -> Mapping[str, int]:
        """Name and width of what `step` returns after its states (often nothing)."""

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        """Name and width of per-step inputs beside x, which `step` takes as keywords."""

    @property
    def emits(self) -> Emit:
        """Which states or outputs make up the cell's output sequence."""

    def initial_state(
        self, batch_size: int, *, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> dict[str, Tensor]:
        """The state before the first step, each (B, width)."""

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> dict[str, Tensor]:
        """Extras that the cell draws for itself once a sequence, each (T or 1, B, width)."""

    @property
    def step(self) -> Callable[..., Tensor | tuple[Tensor, ...]]:
        """One time step: x (B, I) and states (B, width) to new states, then outputs."""

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]: ...

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]: ...


@dataclass(frozen=True)
class Unrolled:
    """A cell run over a sequence.

    Attributes:
        output: (T, B, E), what the cell emits; zero where a row has already ended.
        state: every state by name, (B, width), after each row's last step.
        states: every state at every step by name, (T, B, width), if asked for.
    """

    output: Tensor
    state: dict[str, Tensor]
    states: dict[str, Tensor] | None = None
