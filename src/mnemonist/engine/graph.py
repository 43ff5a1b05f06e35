"""Building programs: nodes made once, simple identities applied, shapes worked out.

Every operation that the tracer and the passes create goes through a `Graph`, so that equal
nodes are one node (common subexpressions) and no node is made with the wrong shape or time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from mnemonist.engine.program import AFFINE, LOGICAL, POINTWISE, REDUCTIONS, Node, Time
from mnemonist.engine.prologue import call_attr

__all__ = ["Graph", "Unfit"]

_ARITHMETIC = frozenset(POINTWISE) - LOGICAL - {"where", "stop"}


class Unfit(Exception):
    """An operation that the program form cannot hold; the tracer adds where it was asked for."""


class Graph:
    """A growing set of nodes, each made once.

    Args:
        known: nodes of an older graph that stand in this one as they are.
        first: id of the first new node; larger than those of `known`.
    """

    def __init__(self, known: Iterable[Node] = (), first: int = 0) -> None:
        self.nodes: list[Node] = []
        self.source = ""
        self._first = first
        self._made: dict[tuple[Any, ...], Node] = {
            _key(n.op, n.args, n.attr, n.shape, n.time): n for n in known
        }

    def node(
        self,
        op: str,
        args: Sequence[Node] = (),
        attr: tuple[Any, ...] = (),
        shape: Sequence[int] = (),
        *,
        time: Time | None = None,
        logical: bool = False,
    ) -> Node:
        """The node of this description, new only if there is none yet."""
        if time is None:
            time = max((a.time for a in args), default=Time.K)
        key = _key(op, args, attr, shape, time)
        found = self._made.get(key)
        if found is None:
            number = self._first + len(self.nodes)
            found = Node(number, op, tuple(args), attr, tuple(shape), time, logical, self.source)
            self.nodes.append(found)
            self._made[key] = found
        return found

    def leaf(
        self, name: str, shape: Sequence[int], kind: str = "parameter", *, logical: bool = False
    ) -> Node:
        """A parameter or a buffer of the cell."""
        return self.node("leaf", (), (name, kind), shape, time=Time.K, logical=logical)

    def const(self, value: float | bool) -> Node:
        if isinstance(value, bool):
            return self.node("const", (), (value,), (), logical=True)
        return self.node("const", (), (float(value),), ())

    def call(
        self, function: str, *args: Any, shape: Sequence[int], logical: bool = False, **kwargs: Any
    ) -> Node:
        """A torch call on K nodes and plain values, run in the prologue."""
        attr, operands = call_attr(function, args, kwargs)
        return self.node("call", operands, attr, shape, time=Time.K, logical=logical)

    def copy(self, node: Node, args: Sequence[Node]) -> Node:
        """The same operation on other operands."""
        if node.op in POINTWISE:
            return self.pointwise(node.op, *args)
        if node.op == "slice":
            return self.slice(args[0], *node.attr)
        if node.op == "cat":
            return self.cat(args)
        if node.op == "view":
            return self.view(args[0], node.shape)
        if node.op in AFFINE:
            return self.affine(node.op, *args)
        time = node.time if not args else None
        return self.node(node.op, args, node.attr, node.shape, time=time, logical=node.logical)

    # Elementwise

    def pointwise(self, op: str, *args: Node) -> Node:
        """An elementwise operation, broadcast as torch does within a row."""
        if op in _ARITHMETIC:
            args = tuple(self.number(a) for a in args)
        args = self._aligned(args)
        simple = self._simplified(op, args)
        if simple is not None:
            return simple
        shape = _broadcast([a.shape for a in args])
        logical = op in LOGICAL or (op in ("where", "stop") and all(a.logical for a in args[-2:]))
        return self.node(op, args, (), shape, logical=logical)

    def number(self, node: Node) -> Node:
        """True as 1 and false as 0."""
        if not node.logical:
            return node
        if node.op == "const":
            return self.const(float(node.attr[0]))
        return self.pointwise("where", node, self.const(1.0), self.const(0.0))

    def _aligned(self, args: tuple[Node, ...]) -> tuple[Node, ...]:
        """K operands without leading dimensions of size 1, which would stand at the batch."""
        ranks = [len(a.shape) for a in args if a.time is not Time.K]
        if not ranks:
            return args
        rank, aligned = max(ranks), []
        for node in args:
            excess = len(node.shape) - rank
            if node.time is not Time.K and len(node.shape) != rank and node.shape:
                raise Unfit("operands of different rank would broadcast along the batch")
            if node.time is not Time.K and not node.shape and rank:
                raise Unfit(
                    "one number a row meets a vector a row: torch would align it with the batch; "
                    "keep the last dimension (keepdim=True)"
                )
            if excess > 0 and node.time is Time.K:
                if any(size != 1 for size in node.shape[:excess]):
                    raise Unfit(
                        f"a constant of shape {list(node.shape)} has a dimension where the batch "
                        "is: make it from x or a state (torch.zeros_like), or register one row"
                    )
                shape = node.shape[excess:]
                node = self.call("torch.Tensor.reshape", node, list(shape), shape=shape)
            aligned.append(node)
        return tuple(aligned)

    def _simplified(self, op: str, args: tuple[Node, ...]) -> Node | None:
        """x + 0, x - 0, 1 x, x / 1, --x, and operations on numbers."""
        values = [a.attr[0] if a.op == "const" else None for a in args]
        neutral = {"add": 0.0, "mul": 1.0}.get(op)
        if neutral is not None and neutral in values:
            return args[1 - values.index(neutral)]
        if op == "add" and len({a.shape for a in args}) == 1:
            for zeros, other in (args, args[::-1]):
                if zeros.op == "zeros" and other.time is not Time.K:
                    return other
        if (op == "sub" and values[1] == 0.0) or (op == "div" and values[1] == 1.0):
            return args[0]
        if op == "neg" and args[0].op == "neg":
            return args[0].args[0]
        if all(v is not None for v in values) and op in _ARITHMETIC:
            return self.const(_fold(op, [float(v) for v in values if v is not None]))
        return None

    # Affine and reductions

    def affine(self, op: str, operand: Node, weight: Node, start: Node | None = None) -> Node:
        """``mm`` or ``bmm`` of an operand with a weight, from zero or from `start`."""
        if weight.time is not Time.K:
            raise Unfit("the weight of a product varies in time: only parameters can be weights")
        if len(operand.shape) != 1:
            raise Unfit(f"a product needs one vector a row; this operand has {list(operand.shape)}")
        inputs = weight.shape[-1]
        fits = operand.width == inputs if op == "mm" else operand.width % inputs == 0
        if len(weight.shape) != (2 if op == "mm" else 3) or not fits:
            raise Unfit(f"{op} of width {operand.width} with a weight {list(weight.shape)}")
        width = weight.shape[0] if op == "mm" else weight.shape[0] * weight.shape[1]
        operand = self.number(operand)
        args = (operand, weight) if start is None else (operand, weight, start)
        time = None if operand.time is Time.K else max(a.time for a in args)
        return self.node(op, args, (), (width,), time=time)

    def linear(self, operand: Node, weight: Node) -> Node:
        """v Wᵀ; where v is a cat of input and states, each part by itself, so that x hoists."""
        if operand.op != "cat" or len({a.time for a in operand.args}) == 1:
            return self.affine("mm", operand, weight)
        parts: dict[Time, list[tuple[Node, Node]]] = {}
        start = 0
        for part in operand.args:
            columns = self.slice(weight, start, start + part.width)
            parts.setdefault(part.time, []).append((part, columns))
            start += part.width
        total: Node | None = None
        for time in sorted(parts):
            operands, weights = zip(*parts[time], strict=True)
            product = self.affine("mm", self.cat(operands), self.weights(weights, 1))
            total = product if total is None else self.pointwise("add", total, product)
        assert total is not None
        return total

    def weights(self, parts: Sequence[Node], dim: int) -> Node:
        """Weights joined along a dimension."""
        if len(parts) == 1 or dim == len(parts[0].shape) - 1:
            return self.cat(parts)
        shape = list(parts[0].shape)
        shape[dim] = sum(p.shape[dim] for p in parts)
        return self.call("torch.cat", list(parts), dim, shape=shape)

    def reduce(self, op: str, node: Node) -> Node:
        """``sum`` or ``amax`` of the last dimension, which stays with size 1."""
        assert op in REDUCTIONS
        node = self.number(node)
        return node if node.width == 1 else self.node(op, (node,), (), (*node.shape[:-1], 1))

    def mean(self, node: Node) -> Node:
        return self.pointwise("mul", self.reduce("sum", node), self.const(1.0 / node.width))

    # Structure

    def zeros(self, shape: Sequence[int]) -> Node:
        """Zeros for every row; known before the loop."""
        return self.node("zeros", (), (), shape, time=Time.X)

    def slice(self, node: Node, start: int, stop: int) -> Node:
        """Elements of the last dimension."""
        if (start, stop) == (0, node.width):
            return node
        if node.op == "slice":
            offset = node.attr[0]
            return self.slice(node.args[0], offset + start, offset + stop)
        if node.op == "cat":
            offset = 0
            for part in node.args:
                if offset <= start and stop <= offset + part.width:
                    return self.slice(part, start - offset, stop - offset)
                offset += part.width
        shape = (*node.shape[:-1], stop - start)
        return self.node("slice", (node,), (start, stop), shape, logical=node.logical)

    def cat(self, nodes: Sequence[Node]) -> Node:
        """Rows joined along the last dimension; neighbouring slices become one again."""
        joined: list[Node] = []
        for node in nodes:
            last = joined[-1] if joined else None
            if (
                last is not None
                and last.op == node.op == "slice"
                and last.args[0] is node.args[0]
                and last.attr[1] == node.attr[0]
            ):
                joined[-1] = self.slice(node.args[0], last.attr[0], node.attr[1])
            else:
                joined.append(node)
        if len(joined) == 1:
            return joined[0]
        if len({n.logical for n in joined}) > 1:
            joined = [self.number(n) for n in joined]
        sums = self._cat_of_sums(joined)
        if sums is not None:
            return sums
        shape = (*joined[0].shape[:-1], sum(n.width for n in joined))
        return self.node("cat", joined, (), shape, logical=joined[0].logical)

    def _cat_of_sums(self, nodes: Sequence[Node]) -> Node | None:
        """cat(a + b, a' + b') of parameters as cat(a, a') + cat(b, b'), if either cat vanishes."""
        if any(n.op != "add" or n.time is not Time.K for n in nodes):
            return None
        if any(a.shape != n.shape for n in nodes for a in n.args):
            return None
        left, right = (self.cat([n.args[i] for n in nodes]) for i in (0, 1))
        if left.op == right.op == "cat":
            return None
        return self.pointwise("add", left, right)

    def view(self, node: Node, shape: Sequence[int]) -> Node:
        """The same elements of a row in another shape."""
        if node.op == "view":
            node = node.args[0]
        if node.shape == tuple(shape):
            return node
        return self.node("view", (node,), (), shape, logical=node.logical)

    def expand(self, node: Node, width: int) -> Node:
        """Width 1 repeated."""
        if node.width == width:
            return node
        shape = (*node.shape[:-1], width)
        return self.node("expand", (node,), (), shape, logical=node.logical)


def _key(
    op: str, args: Sequence[Node], attr: tuple[Any, ...], shape: Sequence[int], time: Time
) -> tuple[Any, ...]:
    """What a node is; 1 == 1.0 == True in Python, but not in a program."""
    return op, tuple(a.id for a in args), attr, tuple(map(type, attr)), tuple(shape), time


def _broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError:
        raise Unfit(f"shapes {[list(s) for s in shapes]} do not broadcast") from None


def _fold(op: str, values: list[float]) -> float:
    names = {"max": "maximum", "min": "minimum"}
    function = getattr(torch, names.get(op, op), None) or getattr(torch.nn.functional, op)
    return float(function(*(torch.tensor(v, dtype=torch.float64) for v in values)))
