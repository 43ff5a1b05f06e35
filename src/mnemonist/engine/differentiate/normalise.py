"""The gradient of a normalised row (layer norm), in closed form.

With y = (a - mean a) r and r = 1/√(var a + ε), ∂L/∂a = r (d - mean d - y mean(d y)): two
reductions of a row and no second pass over a, where the operations taken one by one would need
three and undo each other's work.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.fusion import normalised
from mnemonist.engine.passes import users_of
from mnemonist.engine.program import Node, Program, Time

__all__ = ["Normalised", "normalisations"]


@dataclass(frozen=True)
class Normalised:
    """A row less its mean, over the root of its variance.

    Attributes:
        value: the row.
        scale: 1/√(var + ε), or √(var + ε).
    """

    value: Node
    scale: Node

    def gradient(self, g: BackwardGraph, node: Node, d: Node) -> Node:
        """∂L/∂value from the gradient d of the normalised row `node`."""
        y, scale = g.value(node), g.value(self.scale)
        rest = g.pointwise("sub", d, g.mean(d))
        along = g.pointwise("mul", y, g.mean(g.pointwise("mul", d, y)))
        op = "mul" if self.scale.op == "rsqrt" else "div"
        return g.pointwise(op, g.pointwise("sub", rest, along), scale)


def normalisations(program: Program) -> dict[Node, Normalised]:
    """The normalised rows of a program whose inner values nothing else uses."""
    users = users_of(program.nodes)
    returned = set(program.values.values())

    def inner(node: Node, op: str, uses: int = 1) -> bool:
        return node.op == op and len(users[node]) == uses and node not in returned

    found = {}
    for node in program.nodes:
        match = normalised(node, inner) if node.time is not Time.K else None
        if match is not None:
            value, _, (scale, *_) = match
            found[node] = Normalised(value, scale)
    return found
