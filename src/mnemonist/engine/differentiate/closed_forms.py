"""Gradients of whole rows in closed form: layer norm and softmax.

Taken one by one, the operations of a layer norm need three reductions of a row and undo each
other's work; the two that are left are what a person would write.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.fusion import normalised
from mnemonist.engine.passes import users_of
from mnemonist.engine.program import Node, Program, Time

__all__ = ["Normalised", "Softmax", "closed_forms"]


@dataclass(frozen=True)
class Normalised:
    """y = (a - mean a) r with r = 1/√(var a + ε): ∂L/∂a = r (d - mean d - y mean(d y)).

    Attributes:
        value: a.
        scale: r, or its inverse by which the row is divided.
    """

    value: Node
    scale: Node

    def gradient(self, g: BackwardGraph, node: Node, d: Node) -> Node:
        """∂L/∂a from the gradient d of y, which is `node`."""
        y, scale = g.value(node), g.value(self.scale)
        rest = g.pointwise("sub", d, g.mean(d))
        along = g.pointwise("mul", y, g.mean(g.pointwise("mul", d, y)))
        op = "mul" if self.scale.op == "rsqrt" else "div"
        return g.pointwise(op, g.pointwise("sub", rest, along), scale)


@dataclass(frozen=True)
class Softmax:
    """y = exp(a) / sum(exp(a)): ∂L/∂a = y (d - sum(d y)).

    Attributes:
        value: a, from which the largest of the row has been taken.
    """

    value: Node

    def gradient(self, g: BackwardGraph, node: Node, d: Node) -> Node:
        """∂L/∂a from the gradient d of y, which is `node`."""
        y = g.value(node)
        common = g.reduce("sum", g.pointwise("mul", d, y))
        return g.pointwise("mul", g.pointwise("sub", d, common), y)


def closed_forms(program: Program) -> dict[Node, Normalised | Softmax]:
    """The normalised rows of a program whose inner values nothing else uses."""
    users = users_of(program.nodes)
    returned = set(program.values.values())

    def inner(node: Node, op: str, uses: int = 1) -> bool:
        return node.op == op and len(users[node]) == uses and node not in returned

    found: dict[Node, Normalised | Softmax] = {}
    for node in program.nodes:
        if node.time is Time.K:
            continue
        match = normalised(node, inner)
        if match is not None:
            value, _, (scale, *_) = match
            found[node] = Normalised(value, scale)
        elif node.op == "div":
            powers, total = node.args
            if inner(powers, "exp", 2) and inner(total, "sum") and total.args[0] is powers:
                found[node] = Softmax(powers.args[0])
    return found
