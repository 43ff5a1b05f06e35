"""Single steps in torch operations, for where the compiled engine cannot take them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mnemonist.engine.contract import CellLike
from mnemonist.engine.eager import named_step
from mnemonist.engine.graph import Graph
from mnemonist.engine.interpret import run_step
from mnemonist.engine.native.stepper import weights_of
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program

__all__ = ["EagerStep", "ProgramStep", "rounded"]


class _Memory:
    """States, extra inputs and output of a step, (B, width) each."""

    def __init__(
        self,
        states: Mapping[str, int],
        extras: Mapping[str, int],
        width: int,
        zeros: Callable[[int], Tensor],
    ) -> None:
        self.states = {name: zeros(size) for name, size in states.items()}
        self.extras = {name: zeros(size) for name, size in extras.items()}
        self.output = zeros(width)

    def take(self, values: Mapping[str, Tensor], emits: Sequence[str], out: Tensor) -> None:
        """Put new values where they belong."""
        torch.cat([values[name] for name in emits], -1, out=out)
        # what a step returns may be a view of another state as it was
        after = [values[name].clone() for name in self.states]
        for state, value in zip(self.states.values(), after, strict=True):
            state.copy_(value)


class ProgramStep(_Memory):
    """A program's step with constants that are given once.

    Args:
        program: the program.
        constants: the values of binding time K that become its parameters.
        emits: what makes the output.
        precision: "full", "bfloat16" or "int8": products have their weights rounded to it.
        zeros: makes a (B, width) tensor of zeros.
    """

    def __init__(
        self,
        program: Program,
        constants: Sequence[Node],
        emits: Sequence[str],
        precision: str,
        zeros: Callable[[int], Tensor],
    ) -> None:
        width = sum(program.values[name].width for name in emits)
        super().__init__(program.states, program.extras, width, zeros)
        self.emits, self.precision = tuple(emits), precision
        self.program = _of_constants(program, constants)
        self.leaves: dict[str, Tensor] = {}

    def load(self, constants: Sequence[Tensor]) -> None:
        """Take over the values of the constants."""
        dtype = self.output.dtype
        self.leaves = {}
        for i, given in enumerate(constants):
            value = given if given.dtype is torch.bool else given.to(dtype)
            if f"k{i}" in self.program.leaves:
                self.leaves[f"k{i}"] = value.clone()
            if f"w{i}" in self.program.leaves:
                self.leaves[f"w{i}"] = rounded(value, self.precision).clone()

    def step(self, x: Tensor, out: Tensor) -> None:
        """One step: x (B, I) to the output (B, E)."""
        states = tuple(self.states.values())
        values = run_step(self.program, self.leaves, x, states, self.extras)
        self.take(dict(zip(self.program.values, values, strict=True)), self.emits, out)


class EagerStep(_Memory):
    """A cell's own step, on a copy of the cell.

    Args:
        cell: the cell.
        emits: what makes the output.
        zeros: makes a (B, width) tensor of zeros.
    """

    def __init__(
        self, cell: CellLike, emits: Sequence[str], zeros: Callable[[int], Tensor]
    ) -> None:
        widths = {**cell.state_sizes, **cell.output_sizes}
        width = sum(widths[name] for name in emits)
        super().__init__(cell.state_sizes, cell.extra_sizes, width, zeros)
        self.emits = tuple(emits)
        self.copied(cell)

    def copied(self, cell: CellLike) -> None:
        """Take over a cell as it is now."""
        assert isinstance(cell, nn.Module)
        self.cell = copy.deepcopy(cell).eval().to(self.output.dtype)

    def step(self, x: Tensor, out: Tensor) -> None:
        """One step: x (B, I) to the output (B, E)."""
        self.take(named_step(self.cell, x, self.states, self.extras), self.emits, out)


def rounded(weight: Tensor, precision: str) -> Tensor:
    """A weight (..., O, I) as it is when it is stored in fewer bits."""
    if precision == "bfloat16":
        return weight.to(torch.bfloat16).to(weight.dtype)
    if precision == "int8":
        scale = weight.abs().amax(-1, keepdim=True) / 127
        return torch.where(scale > 0, (weight / scale).round() * scale, 0)
    return weight


def _of_constants(program: Program, constants: Sequence[Node]) -> Program:
    """The program with the constants as parameters: k0, k1, ..., and w0, w1, ... in products."""
    index = {node: i for i, node in enumerate(constants)}
    weights = weights_of(program)

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node in index:
            return graph.leaf(f"k{index[node]}", node.shape, logical=node.logical)
        if len(node.args) > 1 and node.args[1] in weights and node.args[1] in index:
            operand, weight, *start = node.args
            if node.op in ("mm", "bmm"):
                leaf = graph.leaf(f"w{index[weight]}", weight.shape)
                return graph.copy(node, [made[operand], leaf, *(made[a] for a in start)])
        return None

    return replace(program, values=rewrite(program.values, rule))
