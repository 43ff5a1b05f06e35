"""The table of lowerings, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.program import Node

__all__ = [
    "LOWERINGS",
    "Lowering",
    "Operand",
    "as_node",
    "last_dim",
    "lower",
    "scaled",
]

Operand = Node | float
Lowering = Callable[..., Any]
LOWERINGS: dict[str, Lowering] = {}


def lower(*names: str) -> Callable[[Lowering], Lowering]:
    def register(function: Lowering) -> Lowering:
        for name in names:
            LOWERINGS[name] = function
        return function

    return register


def as_node(g: Graph, value: Any) -> Node:
    """A number as a node."""
    if isinstance(value, Node):
        return value
    if isinstance(value, (bool, int, float)):
        return g.const(value)
    raise Unfit(f"an operand of type {type(value).__name__}")


def last_dim(node: Node, dim: Any) -> None:
    """Accept only the last dimension.

    Raises:
        Unfit: another one, or none: the batch would be mixed.
    """
    rank = len(node.shape) + 1
    if isinstance(dim, (tuple, list)) and len(dim) == 1:
        dim = dim[0]
    if dim is None:
        raise Unfit("works on the whole tensor, the rows of the batch together; name dim=-1")
    if not isinstance(dim, int) or dim % rank == 0:
        raise Unfit("mixes the rows of the batch (dimension 0)")
    if dim % rank != rank - 1:
        raise Unfit(f"works on dimension {dim}; only the last one can be reduced, split or joined")


def scaled(g: Graph, a: Node, factor: float) -> Node:
    """A node times a number."""
    return g.pointwise("mul", a, g.const(float(factor)))
