"""A stack of layers as one cell: all of them, and what stands between them, in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from mnemonist.cells import Cell
from mnemonist.engine import CellLike
from mnemonist.engine.contract import Emit
from mnemonist.engine.eager import named_step
from mnemonist.nn._build import emitted_names
from mnemonist.nn.connections import Connections

__all__ = ["LayerStack", "together"]

Value = TypeVar("Value")


class LayerStack(Cell):
    """The layers of a stack in one direction and its connections, as the equations of one step.

    Its states and extra inputs are those of its layers, "0.h", "0.c", "1.h", ...; its output is
    "output". So the engine runs it, traces it and streams it as it does any other cell.

    Args:
        layers: the cells, bottom to top.
        between: what stands between them.
        emit: what the top layer emits; what its cell emits if not given.
        hidden_size: H.
    """

    def __init__(
        self,
        layers: Sequence[CellLike],
        between: Connections,
        emit: Emit | None,
        hidden_size: int,
    ) -> None:
        super().__init__(layers[0].input_size, hidden_size)
        self.cells = nn.ModuleList(cast(list[nn.Module], list(layers)))
        self.between, self.emit = between, emit
        self.output_size = between.output_size

    @property
    def layers(self) -> list[CellLike]:
        """The cells, bottom to top."""
        return cast(list[CellLike], list(self.cells))

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return _by_layer([cell.state_sizes for cell in self.layers])

    @property
    def output_sizes(self) -> Mapping[str, int]:
        return {"output": self.output_size}

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        return _by_layer([cell.extra_sizes for cell in self.layers])

    @property
    def emits(self) -> Emit:
        return "output"

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """The layers' own initial states."""
        return _by_layer(
            [c.initial_state(batch_size, device=device, dtype=dtype) for c in self.layers]
        )

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """The layers' own masks."""
        return _by_layer(
            [c.draw_extras(steps, batch_size, device=device, dtype=dtype) for c in self.layers]
        )

    def step(self, x: Tensor, *states: Tensor, **extras: Tensor) -> tuple[Tensor, ...]:
        """The layers bottom to top, and the stack's output."""
        before = dict(zip(self.state_sizes, states, strict=True))
        after: dict[str, Tensor] = {}
        outputs: list[Tensor] = []
        for layer, cell in enumerate(self.layers):
            read = self.between.read(layer, x, outputs)
            now = self.step_of(layer, read, before, extras)
            after |= {f"{layer}.{name}": value for name, value in now.items()}
            top = layer == len(self.cells) - 1
            emitted = together(now, emitted_names(cell, self.emit if top else None))
            outputs.append(self.between.join(layer, emitted, outputs))
        after["output"] = self.output_of(self.between.top(outputs))
        return tuple(after[name] for name in (*self.state_sizes, *self.output_sizes))

    def step_of(
        self,
        layer: int,
        read: Tensor,
        before: Mapping[str, Tensor],
        extras: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """The new states and the outputs of one layer.

        Args:
            layer: its index.
            read: (B, width), what it reads.
            before: the states of the stack.
            extras: the extra inputs of the stack.
        """
        cell = self.layers[layer]
        own = {name: before[f"{layer}.{name}"] for name in cell.state_sizes}
        given = {name: extras[f"{layer}.{name}"] for name in cell.extra_sizes}
        return named_step(cell, read, own, given)

    def output_of(self, top: Tensor) -> Tensor:
        """The stack's output, (B, output_size), from what its layers give."""
        return top


def together(values: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """The values of these names side by side."""
    return values[names[0]] if len(names) == 1 else torch.cat([values[n] for n in names], -1)


def _by_layer(own: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    return {f"{layer}.{n}": value for layer, named in enumerate(own) for n, value in named.items()}
