"""A cell made from a program: the equations without the class that they were written in."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mnemonist.engine.contract import Emit
from mnemonist.engine.interpret import run_step
from mnemonist.engine.native.inside import InGraphs
from mnemonist.engine.program import Program
from mnemonist.errors import CellError

__all__ = ["ProgramCell"]


class ProgramCell(InGraphs, nn.Module):
    """A cell whose step runs a program, with parameters under their original names.

    A model saved with a user's own cell is loaded as one of these: no Python class is needed,
    and ``state_dict`` fits in both directions.

    Args:
        program: the program, for instance from `Program.from_json`.

    >>> from mnemonist.cells import Cell
    >>> class Decay(Cell):
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__(input_size, hidden_size)
    ...         (self.inward,) = self.gates("inward", recurrent_size=0)
    ...     def step(self, x, h):
    ...         return 0.9 * h + self.inward(x)
    >>> from mnemonist.engine.trace import trace
    >>> cell = Decay(2, 3)
    >>> twin = ProgramCell(Program.from_json(trace(cell).to_json()))
    >>> twin.load_state_dict(cell.state_dict())
    <All keys matched successfully>
    >>> x, h = torch.randn(4, 2), torch.zeros(4, 3)
    >>> torch.allclose(twin.step(x, h), cell.step(x, h))
    True
    """

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self.input_size, self.hidden_size = program.input_size, program.hidden_size
        for node in program.nodes:
            if node.op == "leaf":
                name, kind = node.attr
                dtype = torch.bool if node.logical else torch.get_default_dtype()
                value = torch.zeros(node.shape, dtype=dtype)
                _place(self, name, value, trained=kind == "parameter")

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """Width of every state."""
        return dict(self.program.states)

    @property
    def output_sizes(self) -> Mapping[str, int]:
        """Width of every further output."""
        return dict(self.program.outputs)

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        """Width of every per-step input beside x."""
        return dict(self.program.extras)

    @property
    def emits(self) -> Emit:
        """What makes the output sequence."""
        emits = self.program.emits
        return emits[0] if len(emits) == 1 else emits

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """The state before the first step, each (B, width), filled as the original cell does.

        Raises:
            CellError: the original cell starts from something that is not one number a state.
        """
        state = {}
        for name, width in self.program.states.items():
            if name not in self.program.initial:
                raise CellError(
                    f"{self.program.cell} computes its initial state {name}, which its program "
                    "does not hold: give the state, or load the cell by its class"
                )
            value = self.program.initial[name]
            state[name] = torch.full((batch_size, width), value, device=device, dtype=dtype)
        return state

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """Nothing: a program says what it takes, not how it was drawn."""
        return {}

    def step(self, x: Tensor, *states: Tensor, **extras: Tensor) -> Tensor | tuple[Tensor, ...]:
        """One time step: x (B, I) and states (B, width) to new states, then outputs."""
        leaves = self.program.leaves_of(self)
        values = run_step(self.program, leaves, x, states, extras)
        return values[0] if len(values) == 1 else values

    def extra_repr(self) -> str:
        return f"{self.program.cell}: {self.input_size}, {self.hidden_size}"


def _place(root: nn.Module, name: str, value: Tensor, *, trained: bool) -> None:
    """A parameter or buffer at a dotted name, with the modules that it takes."""
    *path, last = name.split(".")
    module = root
    for part in path:
        if part not in module._modules:
            if hasattr(module, part):
                raise CellError(f"no parameter can be called {name!r}: {part} is taken")
            module.add_module(part, nn.Module())
        child = module._modules[part]
        assert child is not None
        module = child
    if hasattr(module, last):
        raise CellError(f"no parameter can be called {name!r}: {last} is taken")
    if trained:
        module.register_parameter(last, nn.Parameter(value))
    else:
        module.register_buffer(last, value)
