"""Forward mode: the program that carries directional derivatives along with the values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.differentiate.backward import constants_of
from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.differentiate.rules import FLAT, RULES
from mnemonist.engine.interpret import run_program
from mnemonist.engine.program import AFFINE, Node, Program, Time

__all__ = ["Jvp", "Tangent", "jvp", "tangent_program"]

_SUFFIX = ".tangent"


@dataclass(frozen=True)
class Tangent:
    """A program with its directional derivatives.

    Attributes:
        program: the program with a second state, output and extra ``<name>.tangent`` for every
            state, output, extra and for x: the derivative of the first along a direction.
        constants: by name of a further leaf, the K node of the forward program whose derivative
            that leaf holds.
    """

    program: Program
    constants: Mapping[str, Node]


@dataclass(frozen=True)
class Jvp:
    """Values and their derivatives along one direction.

    Attributes:
        values: by name over time, (T, B, width).
        finals: the final states, (B, width).
        d_values: derivatives of `values`.
        d_finals: derivatives of `finals`.
    """

    values: dict[str, Tensor]
    finals: dict[str, Tensor]
    d_values: dict[str, Tensor]
    d_finals: dict[str, Tensor]


def jvp(
    program: Program,
    leaves: Mapping[str, Tensor],
    x: Tensor,
    state: Mapping[str, Tensor],
    extras: Mapping[str, Tensor] | None = None,
    *,
    d_x: Tensor | None = None,
    d_state: Mapping[str, Tensor] | None = None,
    d_extras: Mapping[str, Tensor] | None = None,
    d_leaves: Mapping[str, Tensor] | None = None,
    keep: Iterable[str] | None = None,
) -> Jvp:
    """Run a program over time with the derivative along a direction (forward mode).

    One pass, in memory that does not grow with T. What has no direction does not move.

    Args:
        program: the program of a cell.
        leaves: its parameters and buffers by name.
        x: (T, B, I).
        state: the state before the first step, (B, width) each.
        extras: per-step inputs, (T or 1, B, width) each.
        d_x: the direction of x; likewise `d_state`, `d_extras` and `d_leaves`, of those named.
        keep: the names whose values over time are returned; what the program emits if not given.

    >>> from mnemonist.cells import GRU
    >>> from mnemonist.engine import program_of
    >>> cell, x, h = GRU(3, 5), torch.randn(20, 4, 3), torch.zeros(4, 5)
    >>> program = program_of(cell)
    >>> moved = jvp(program, program.leaves_of(cell), x, {"h": h}, d_state={"h": torch.ones(4, 5)})
    >>> moved.d_values["h"].shape
    torch.Size([20, 4, 5])
    """
    names = tuple(program.emits if keep is None else keep)
    moving = tuple(n for n in program.leaves if n in (d_leaves or {}))
    tangent = _made(program, moving)
    given = tuple(leaves[name] for name in program.leaves)
    more = _directions(program, tangent, given, x, d_leaves or {})
    extras = extras or {}
    with_zeros = {
        f"x{_SUFFIX}": torch.zeros_like(x) if d_x is None else d_x,
        **{
            f"{n}{_SUFFIX}": (d_extras or {}).get(n, torch.zeros_like(e)) for n, e in extras.items()
        },
    }
    start = {f"{n}{_SUFFIX}": (d_state or {}).get(n, torch.zeros_like(s)) for n, s in state.items()}
    values, finals = run_program(
        tangent.program,
        {**leaves, **more},
        x,
        {**state, **start},
        {**extras, **with_zeros},
        keep=(*names, *(n + _SUFFIX for n in names)),
    )
    return Jvp(
        {n: values[n] for n in names},
        {n: finals[n] for n in program.states},
        {n: values[n + _SUFFIX] for n in names},
        {n: finals[n + _SUFFIX] for n in program.states},
    )


def _directions(
    program: Program,
    tangent: Tangent,
    leaves: Sequence[Tensor],
    x: Tensor,
    d_leaves: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """The derivatives of what depends on parameters only, by torch's forward mode."""
    if not tangent.constants:
        return {}
    prologue = compile_prologue(program, list(tangent.constants.values()))
    places = [i for i, name in enumerate(program.leaves) if name in d_leaves]

    def moved(*values: Tensor) -> tuple[Tensor, ...]:
        own = list(leaves)
        for i, value in zip(places, values, strict=True):
            own[i] = value
        return prologue(x, tuple(own))

    directions = tuple(d_leaves[program.leaves[i]] for i in places)
    found = torch.func.jvp(moved, tuple(leaves[i] for i in places), directions)[1]
    return dict(zip(tangent.constants, found, strict=True))


_MADE: WeakKeyDictionary[Program, dict[tuple[str, ...], Tangent]] = WeakKeyDictionary()


def _made(program: Program, leaves: tuple[str, ...]) -> Tangent:
    made = _MADE.setdefault(program, {})
    if leaves not in made:
        made[leaves] = tangent_program(program, leaves)
    return made[leaves]


def tangent_program(program: Program, leaves: Iterable[str] = ()) -> Tangent:
    """The program that computes a program's values and their derivatives along a direction.

    It is a program like any other: executors run it, `differentiate` differentiates it.

    Args:
        program: the program of a cell, without bound states.
        leaves: parameters that have a direction.

    >>> from mnemonist.cells import Elman
    >>> from mnemonist.engine import program_of
    >>> dict(tangent_program(program_of(Elman(3, 5))).program.states)
    {'h': 5, 'h.tangent': 5}
    """
    return _Forward(program, constants_of(program, leaves)).tangent()


class _TangentGraph(BackwardGraph):
    """A graph that goes on from a program's own nodes."""

    def value(self, node: Node) -> Node:
        return node

    def pointwise(self, op: str, *args: Node) -> Node:
        """With the derivatives of tanh and sigmoid in a program's operations."""
        if op in ("dtanh", "dsigmoid"):
            d, y = args
            one = self.const(1.0)
            if op == "dtanh":
                return self.pointwise(
                    "mul", d, self.pointwise("sub", one, self.pointwise("mul", y, y))
                )
            return self.pointwise("mul", d, self.pointwise("mul", y, self.pointwise("sub", one, y)))
        return super().pointwise(op, *args)


class _Forward:
    """The derivatives of a step's values, operands first."""

    def __init__(self, program: Program, moving: set[Node]) -> None:
        self.program, self.moving = program, moving
        self.graph = _TangentGraph(program, Time.S)
        self.constants: dict[str, Node] = {}
        self.found: dict[Node, Node | None] = {}

    def tangent(self) -> Tangent:
        program, g = self.program, self.graph
        for node in program.nodes:
            if node.time is not Time.K:
                g.source = node.source
                self.found[node] = self._of(node)
        values = {}
        for name, node in program.values.items():
            d = self.found[node]
            values[name + _SUFFIX] = g.zeros(node.shape) if d is None else d

        def doubled(widths: Mapping[str, int]) -> dict[str, int]:
            return {**widths, **{n + _SUFFIX: w for n, w in widths.items()}}

        states, outputs = doubled(program.states), doubled(program.outputs)
        ordered = {n: {**program.values, **values}[n] for n in (*states, *outputs)}
        extras = doubled(program.extras) | {f"x{_SUFFIX}": program.input_size}
        initial = {n + _SUFFIX: 0.0 for n in program.states}
        made = replace(
            program,
            states=states,
            outputs=outputs,
            extras=extras,
            initial={**program.initial, **initial},
            values=ordered,
        )
        return Tangent(made, self.constants)

    def _of(self, node: Node) -> Node | None:
        """The derivative of a node; None where it does not move."""
        g = self.graph
        if node.op in ("input", "state"):
            return g.node(node.op, (), (node.attr[0] + _SUFFIX,), node.shape, time=node.time)
        if node.op in FLAT or node.op in ("known", "zeros"):
            return None
        moving = [self._operand(a) for a in node.args]
        if all(d is None for d in moving):
            return None
        if node.op in RULES:
            terms = [RULES[node.op](g, node, d)[i] for i, d in enumerate(moving) if d is not None]
            return self._sum([t for t in terms if t is not None], node.shape)
        if node.op in AFFINE:
            return self._product(node, moving)
        (d, *_) = moving
        if node.op == "cat":
            parts = [g.zeros(a.shape) if m is None else m for a, m in zip(node.args, moving)]
            return g.cat(parts)
        assert d is not None
        if node.op == "slice":
            return g.slice(d, *node.attr)
        if node.op == "view":
            return g.view(d, node.shape)
        if node.op == "expand":
            return g.expand(d, node.width)
        if node.op == "sum":
            return g.reduce("sum", d)
        assert node.op == "amax", node.op
        largest = g.pointwise("eq", node.args[0], node)
        share = g.number(largest)
        along = g.reduce("sum", g.pointwise("mul", d, share))
        return g.pointwise("div", along, g.reduce("sum", share))

    def _operand(self, node: Node) -> Node | None:
        """The derivative of an operand; of a K node, a leaf that holds it."""
        if node.time is not Time.K:
            return self.found[node]
        if node not in self.moving:
            return None
        name = f"constant{node.id}{_SUFFIX}"
        self.constants[name] = node
        return self.graph.leaf(name, node.shape)

    def _product(self, node: Node, moving: Sequence[Node | None]) -> Node | None:
        """(v W + s)' = v' W + v W' + s'"""
        g = self.graph
        operand, weight, *_ = node.args
        d_operand, d_weight, *rest = moving
        start = rest[0] if rest else None
        if d_weight is not None:
            start = g.affine(node.op, operand, d_weight, start)
        if d_operand is not None:
            start = g.affine(node.op, d_operand, weight, start)
        return None if start is None else self._sum([start], node.shape)

    def _sum(self, terms: Sequence[Node], shape: tuple[int, ...]) -> Node | None:
        """The sum of terms as a row of this shape."""
        if not terms:
            return None
        g = self.graph
        total = terms[0]
        for term in terms[1:]:
            total = g.pointwise("add", total, term)
        if total.shape != shape or total.time is Time.K:
            total = g.pointwise("add", g.node("zeros", (), (), shape, time=Time.X), total)
        return total
