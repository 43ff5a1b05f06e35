"""Reverse mode: from the gradients of a step's values to those of everything that it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from math import prod

from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.differentiate.closed_forms import closed_forms
from mnemonist.engine.differentiate.gradient import Sink
from mnemonist.engine.differentiate.rules import FLAT, RULES
from mnemonist.engine.program import AFFINE, Node, Program, Time

__all__ = ["Reverse"]


class Reverse:
    """The gradients of one step, gathered from its values backwards.

    Args:
        program: the forward program.
        graph: where the backward nodes are made.
        wanted: the sources (inputs, states, K nodes) whose gradient is asked for.
    """

    def __init__(self, program: Program, graph: BackwardGraph, wanted: Collection[Node]) -> None:
        self.graph = graph
        self.sinks: list[Sink] = []
        self._closed = closed_forms(program)
        self._whole: dict[Node, list[Node]] = defaultdict(list)
        self._pieces: dict[Node, list[tuple[int, int, Node]]] = defaultdict(list)
        self._names = {node: f"d{name}'" for name, node in program.values.items()}
        self._active = set(wanted)
        for node in program.nodes:
            if node.op not in FLAT and any(a in self._active for a in node.args):
                self._active.add(node)

    def run(self, program: Program, seeds: Iterable[tuple[str, Node]]) -> None:
        """Go through a step backwards, from the gradients of its values by name."""
        for name, gradient in seeds:
            self._add(program.values[name], gradient)
        for node in reversed(program.nodes):
            if node.time is Time.K or node.op in ("input", "known", "state"):
                continue
            d = self.gradient_of(node)
            if d is not None:
                self.graph.source = node.source
                d.label = d.label or self._called(node)
                self._through(node, d)

    def _called(self, node: Node) -> str:
        """What to call a node's gradient, for people."""
        name = node.label or ("g" if node.op in AFFINE else "")
        return self._names.get(node, f"d{name}" if name else "")

    def gradient_of(self, node: Node) -> Node | None:
        """What has come back to a node so far."""
        terms = list(self._whole.get(node, ()))
        pieces = self._pieces.get(node)
        if pieces:
            terms.append(self.graph.assembled(node.width, pieces))
        return self.graph.total(terms) if terms else None

    def result(self, source: Node) -> Node:
        """The gradient of a source; zeros where nothing came back."""
        d = self.gradient_of(source)
        if d is None:
            return self.graph.zeros(source.shape)
        d.label = d.label or f"d{source.attr[0]}"
        return d

    def _add(self, node: Node, gradient: Node) -> None:
        if node in self._active:
            self._whole[node].append(gradient)

    def _through(self, node: Node, d: Node) -> None:
        """Hand a node's gradient on to its operands."""
        g, args = self.graph, node.args
        if node in self._closed:
            found = self._closed[node]
            self._add(found.value, found.gradient(g, node, d))
        elif node.op in RULES:
            for operand, gradient in zip(args, RULES[node.op](g, node, d)):
                if gradient is not None:
                    self._to(operand, gradient)
        elif node.op in AFFINE:
            self._product(node, d)
        elif node.op == "slice":
            if args[0] in self._active:
                self._pieces[args[0]].append((*node.attr, d))
        elif node.op == "cat":
            start = 0
            for part in args:
                self._to(part, g.slice(d, start, start + part.width))
                start += part.width
        elif node.op == "view":
            self._to(args[0], g.view(d, args[0].shape))
        elif node.op == "expand":
            self._to(args[0], g.reduce("sum", d))
        elif node.op == "sum":
            self._to(args[0], g.expand(d, args[0].width))
        elif node.op == "amax":
            largest = g.pointwise("eq", g.value(args[0]), g.value(node))
            share = g.pointwise("where", largest, g.const(1.0), g.const(0.0))
            among = g.pointwise("div", d, g.reduce("sum", share))
            self._to(args[0], g.pointwise("mul", among, share))
        else:
            assert node.op in FLAT or node.op == "zeros", node.op

    def _product(self, node: Node, d: Node) -> None:
        operand, weight, *start = node.args
        g = self.graph
        if operand in self._active:
            back = g.transposed(f"{node.op}T", d, weight, operand.shape)
            self._to(operand, back)
        if weight in self._active:
            value = g.value(operand)
            if value.time is Time.K:  # the same vector for every row
                value = g.pointwise("add", g.zeros(operand.shape), value)
            self.sinks.append(Sink(node.op, weight, d, value))
        for addend in start:
            self._to(addend, d)

    def _to(self, operand: Node, gradient: Node) -> None:
        """Add to an operand's gradient, summed over where the operand was broadcast."""
        if operand not in self._active:
            return
        if operand.time is Time.K:
            self.sinks.append(Sink("sum", operand, gradient))
        else:
            self._add(operand, summed_to(self.graph, gradient, operand.shape))


def summed_to(g: BackwardGraph, node: Node, shape: tuple[int, ...]) -> Node:
    """The sum over the dimensions along which a row of this shape was broadcast."""
    if node.shape == shape:
        return node
    full = (1,) * (len(node.shape) - len(shape)) + shape
    if full[-1] == 1 and node.width > 1:
        node = g.reduce("sum", node)
    for dim in range(len(full) - 1):
        if full[dim] == 1 and node.shape[dim] > 1:
            node = _summed_over(g, node, dim)
    return g.view(node, shape)


def _summed_over(g: BackwardGraph, node: Node, dim: int) -> Node:
    """The sum over one of the leading dimensions of a row."""
    before, size, after = node.shape[:dim], node.shape[dim], node.shape[dim + 1 :]
    flat, inner = g.view(node, (prod(node.shape),)), prod(after)
    totals = []
    for block in range(prod(before)):
        offset = block * size * inner
        terms = (g.slice(flat, offset + i * inner, offset + (i + 1) * inner) for i in range(size))
        total = next(terms)
        for term in terms:
            total = g.pointwise("add", total, term)
        totals.append(total)
    return g.view(g.cat(totals), (*before, 1, *after))
