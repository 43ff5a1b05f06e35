"""The graph in which a backward program grows: forward values, transposed products, identities.

Nodes that depend on parameters only are the forward program's own; everything else the forward
program computed enters as a ``saved`` source. Identities beyond those of `Graph` keep minus
signs, numbers and repeated rows on the outside, where sums absorb them; none of them turns a
product with zero into zero, which would hide a NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from mnemonist.engine.graph import Graph
from mnemonist.engine.program import Node, Program, Time

__all__ = ["SUPER", "TRANSPOSED", "BackwardGraph"]

SUPER = frozenset({"dtanh", "dsigmoid"})
"""``dtanh(d, y)`` is d (1 - y²), ``dsigmoid(d, y)`` is d y (1 - y)."""

TRANSPOSED = frozenset({"mmT", "bmmT"})
"""Products with a weight as it stands: ``mmT(d, W)`` is d W, and ``bmmT(d, W)`` gives operand
block j the sum over n = j mod m of d_n W[n], for the m operand blocks of its shape."""

_ODD = frozenset({"mul", "div", *SUPER})
"""Operations whose result changes sign with their first operand."""


class BackwardGraph(Graph):
    """A graph over the values of one step of a program.

    Args:
        program: the forward program.
        latest: the latest binding time of its nodes that stand in this graph as they are.
    """

    def __init__(self, program: Program, latest: Time = Time.K) -> None:
        own = [n for n in program.nodes if n.time <= latest]
        super().__init__(own, 1 + max(n.id for n in program.nodes))

    # Sources

    def value(self, node: Node) -> Node:
        """What the forward program computed."""
        if node.time is Time.K:
            return node
        shape, logical = node.shape, node.logical
        return self.node("saved", (), (node.id,), shape, time=Time.X, logical=logical)

    def carry(self, state: str, width: int) -> Node:
        """∂L/∂ of the new state, from the step behind this one."""
        return self.node("carry", (), (state,), (width,), time=Time.S)

    def loss(self, name: str, width: int) -> Node:
        """∂L/∂ of a value that is returned over time."""
        return self.node("loss", (), (name,), (width,), time=Time.X)

    # Operations

    def pointwise(self, op: str, *args: Node) -> Node:
        """As `Graph.pointwise`, with repeated rows and signs moved outwards."""
        if op == "stop":
            return args[0]
        if any(a.op == "expand" for a in args):
            return self._on_repeated(op, args)
        if op == "where":
            args = self._chosen(*args)
        simple = self._signed(op, args) or self._scaled(op, args)
        return super().pointwise(op, *args) if simple is None else simple

    def _scaled(self, op: str, args: Sequence[Node]) -> Node | None:
        """(a c) c' as a (c c'), and where(t, 0, a) c as where(t, 0, a c), for numbers c and c'."""
        if op != "mul":
            return None
        for value, number in (args, args[::-1]):
            if number.op != "const" or not isfinite(number.attr[0]):
                continue
            if value.op == "mul":
                for inner, factor in (value.args, value.args[::-1]):
                    if factor.op == "const":
                        return self.pointwise("mul", inner, self.pointwise("mul", factor, number))
            if value.op == "where" and any(map(_is_zero, value.args[1:])):
                test, *branches = value.args
                scaled = (b if _is_zero(b) else self.pointwise("mul", b, number) for b in branches)
                return self.pointwise("where", test, *scaled)
        return None

    def _chosen(self, test: Node, *branches: Node) -> tuple[Node, Node, Node]:
        """Each branch as it is where it is chosen: a ``where`` of the same test inside is over."""
        first, second = (self._given(test, i, b) for i, b in enumerate(branches, 1))
        return test, first, second

    def _given(self, test: Node, branch: int, node: Node) -> Node:
        if node.op == "where" and node.args[0] is test:
            inner = node.args[branch]
            return inner if inner.shape == node.shape else node
        if node.op == "mul":
            args = [self._given(test, branch, a) for a in node.args]
            if args != list(node.args):
                return self.pointwise("mul", *args)
        return node

    def _on_repeated(self, op: str, args: Sequence[Node]) -> Node:
        """Compute on one element what is the same for all."""
        width = max(a.width for a in args)
        narrow = [a.args[0] if a.op == "expand" else a for a in args]
        return self.expand(self.pointwise(op, *narrow), width)

    def _signed(self, op: str, args: Sequence[Node]) -> Node | None:
        """Minus signs out of products and into sums; exact in floating point."""
        signs = [a.op == "neg" for a in args]
        if op == "neg" and args[0].op == "sub":
            return self.pointwise("sub", *reversed(args[0].args))
        if not any(signs) or op not in ("add", "sub", *_ODD):
            return None
        bare = [a.args[0] if s else a for a, s in zip(args, signs)]
        if op == "add":
            if all(signs):
                return self.pointwise("neg", self.pointwise("add", *bare))
            first, second = bare if signs[1] else reversed(bare)
            return self.pointwise("sub", first, second)
        if op == "sub":
            if all(signs):
                return self.pointwise("sub", *reversed(bare))
            total = self.pointwise("add", *bare)
            return total if signs[1] else self.pointwise("neg", total)
        if op in SUPER:
            bare[1], signs[1] = args[1], False
            if not signs[0]:
                return None
        result = self.pointwise(op, *bare)
        return result if all(signs) else self.pointwise("neg", result)

    def reduce(self, op: str, node: Node) -> Node:
        """As `Graph.reduce`; the sum of what is repeated is a product."""
        if op == "sum" and node.op == "expand":
            return self.pointwise("mul", node.args[0], self.const(float(node.width)))
        if op == "sum" and node.op == "neg":
            return self.pointwise("neg", self.reduce(op, node.args[0]))
        return super().reduce(op, node)

    def transposed(self, op: str, gradient: Node, weight: Node, shape: Sequence[int]) -> Node:
        """``mmT`` or ``bmmT``: from the gradient of a product to that of its operand."""
        assert op in TRANSPOSED
        return self.node(op, (gradient, weight), (), shape)

    # Structure

    def slice(self, node: Node, start: int, stop: int) -> Node:
        """As `Graph.slice`; of a ``cat``, the parts that it meets."""
        if (start, stop) == (0, node.width):
            return node
        if node.op == "cat":
            pieces, offset = [], 0
            for part in node.args:
                first, last = max(start - offset, 0), min(stop - offset, part.width)
                if first < last:
                    pieces.append(self.slice(part, first, last))
                offset += part.width
            return self.cat(pieces)
        if node.op == "expand":
            return self.expand(node.args[0], stop - start)
        if node.op == "zeros":
            return self.zeros((*node.shape[:-1], stop - start))
        return super().slice(node, start, stop)

    def cat(self, nodes: Sequence[Node]) -> Node:
        """As `Graph.cat`, with a ``cat`` inside taken apart."""
        flat = [part for n in nodes for part in (n.args if n.op == "cat" else (n,))]
        if all(n.op == "zeros" for n in flat):
            return self.zeros((*flat[0].shape[:-1], sum(n.width for n in flat)))
        return super().cat(flat)

    def total(self, terms: Sequence[Node]) -> Node:
        """The sum of gradients of one value; a factor that several share is taken out."""
        terms = sorted(self._factored(self._joined(terms)), key=lambda n: n.time)
        result = terms[0]
        for term in terms[1:]:
            result = self.pointwise("add", result, term)
        return result

    def _joined(self, terms: Sequence[Node]) -> list[Node]:
        """where(t, a, 0) + where(t, 0, b) as where(t, a, b)."""
        rest: list[Node] = []
        for term in terms:
            for other in rest:
                if term.op == other.op == "where" and term.args[0] is other.args[0]:
                    (a, b), (c, d) = term.args[1:], other.args[1:]
                    if term.shape == other.shape and _is_zero(b) and _is_zero(c):
                        both = (a, d)
                    elif term.shape == other.shape and _is_zero(a) and _is_zero(d):
                        both = (c, b)
                    else:
                        continue
                    rest.remove(other)
                    term = self.pointwise("where", term.args[0], *both)
                    break
            rest.append(term)
        return rest

    def _factored(self, terms: list[Node]) -> list[Node]:
        """d a - d b as d (a - b), where d hangs on a carry and a and b do not."""
        groups: dict[Node, list[Node]] = {}
        rest = []
        for term in terms:
            bare = term.args[0] if term.op == "neg" else term
            times = [a.time is Time.S for a in bare.args]
            if bare.op == "mul" and times.count(True) == 1:
                groups.setdefault(bare.args[times.index(True)], []).append(term)
            else:
                rest.append(term)
        for factor, products in groups.items():
            if len(products) == 1 or len({p.shape for p in products}) > 1:
                rest.extend(products)
                continue
            others = []
            for product in products:
                bare = product.args[0] if product.op == "neg" else product
                other = bare.args[1] if bare.args[0] is factor else bare.args[0]
                others.append(self.pointwise("neg", other) if product.op == "neg" else other)
            sum_ = others[0]
            for other in others[1:]:
                sum_ = self.pointwise("add", sum_, other)
            rest.append(self.pointwise("mul", factor, sum_))
        return rest

    def assembled(self, width: int, pieces: Sequence[tuple[int, int, Node]]) -> Node:
        """One gradient from those of slices: side by side, zeros between, overlaps added."""
        lead = pieces[0][2].shape[:-1]
        bounds = sorted({0, width, *(b for p in pieces for b in p[:2])})
        parts = []
        for start, stop in pairwise(bounds):
            here = [
                self.slice(gradient, start - first, stop - first)
                for first, last, gradient in pieces
                if first <= start and stop <= last
            ]
            parts.append(self.total(here) if here else self.zeros((*lead, stop - start)))
        return self.cat(parts)


def _is_zero(node: Node) -> bool:
    return node.op == "const" and node.attr[0] == 0.0
