"""The states of a stack: one tensor a name for the caller, one dictionary a cell for the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mnemonist.engine import CellLike
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._check import check_name
from mnemonist.nn.feedback import FeedbackStack

__all__ = ["StackedStates", "State", "extras_of_layers"]

State = dict[str, Tensor]


class StackedStates:
    """Stacks the states of cells by name, and takes them apart again.

    Args:
        cells: the cells of a stack, or the one `FeedbackStack` that it is.

    Attributes:
        sizes: width of every state by name.

    Raises:
        ConfigError: a state whose width is not the same in all layers.
    """

    def __init__(self, cells: Sequence[CellLike]) -> None:
        self.count = len(cells)
        self.sizes: dict[str, int] = {}
        # for every name, in the order of the layers: which cell has it, and under which name
        self.slots: dict[str, list[tuple[int, str]]] = {}
        for index, cell in enumerate(cells):
            names = cell.state_names if isinstance(cell, FeedbackStack) else {}
            for key, width in cell.state_sizes.items():
                name = names.get(key, key)
                if self.sizes.setdefault(name, width) != width:
                    raise ConfigError(
                        f"state {name} is {self.sizes[name]} wide in one layer and {width} in "
                        "another, so that they cannot be stacked. Put these layers into "
                        "Recurrents of their own"
                    )
                self.slots.setdefault(name, []).append((index, key))

    def stack(self, states: Sequence[State]) -> State:
        """From one state a cell, (B, width) by name, to (layers · directions, B, width)."""
        return {
            name: torch.stack([states[index][key] for index, key in slots])
            for name, slots in self.slots.items()
        }

    def unstack(self, state: Mapping[str, Tensor], rows: int) -> list[State]:
        """One state a cell from the stacked one, of B = `rows`.

        Raises:
            ConfigError: an unknown name.
            ShapeError: a shape that does not fit.
        """
        states: list[State] = [{} for _ in range(self.count)]
        for name, value in state.items():
            check_name("state", name, self.slots)
            expected = (len(self.slots[name]), rows, self.sizes[name])
            if value.shape != expected:
                raise ShapeError(
                    f"state {name} must be (layers · directions, B, width) = {expected}; "
                    f"got {tuple(value.shape)}"
                )
            for row, (index, key) in zip(value, self.slots[name], strict=True):
                states[index][key] = row
        return states

    def of_top(self, values: Mapping[str, Tensor]) -> State:
        """Values by name, under the names by which the top layer's cell knows them."""
        for name in values:
            check_name("state to force", name, self.slots)
        return {self.slots[name][-1][1]: value for name, value in values.items()}


def extras_of_layers(cells: Sequence[CellLike], extras: Mapping[str, Tensor]) -> State:
    """Extra inputs by name, under the names by which the cells ask for them.

    Raises:
        ConfigError: an extra input that no cell asks for.
    """
    named = {name: name for cell in cells for name in cell.extra_sizes}
    if isinstance(cells[0], FeedbackStack):
        named = {name: name.partition(".")[2] for name in named}
    for name in extras:
        check_name("extra input", name, dict.fromkeys(named.values()))
    return {key: extras[name] for key, name in named.items() if name in extras}
