"""What the forward pass stores: as little as lets the backward pass recompute what it reads.

A minimum cut between what is there anyway (x, extras, every state at every step, what is returned
over time, parameters) and what the backward step reads. Storing a value costs its width;
computing it again costs a part of that, an affine product infinitely much. So an LSTM stores its
four activated gates rather than their arguments, and computes tanh(c) once more from the state.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.differentiate.maxflow import FlowGraph
from mnemonist.engine.program import AFFINE, REDUCTIONS, STRUCTURE, Node, Program, Time

__all__ = ["Recompute", "known_anyway", "to_save"]

_STORED = 8
"""Cost of writing one number and reading it again, in additions of two numbers in cache: about
0.3 ns against 0.04 ns (prototype, one Zen 4 core, LSTM at T 1000, B 16, H 64)."""

_CHEAP = frozenset({"add", "sub", "mul", "neg", "max", "min", "where", "abs", "not", "and", "or"})
_CHEAP |= {"gt", "ge", "lt", "le", "eq", "ne", "stop", "sign", "floor"}
_FUNCTION = 5
"""Cost of one exp, tanh, division or root: about 0.22 ns."""


def known_anyway(program: Program, keep: Collection[str]) -> set[Node]:
    """What an executor has at every step without storing it for the backward pass."""
    sources = {n for n in program.nodes if n.op in ("input", "known", "state")}
    return sources | {program.values[name] for name in (*program.carried, *keep)}


def to_save(program: Program, needed: Collection[Node], known: Collection[Node]) -> list[Node]:
    """The forward nodes to store, so that those needed can be had.

    Args:
        program: the forward program.
        needed: what the backward step reads.
        known: what need not be stored (`known_anyway`).
    """
    flow = FlowGraph()
    compared = _compared(program)
    reached: set[Node] = set()
    stack = [n for n in needed if n.time is not Time.K]
    for node in stack:
        flow.edge((node, "out"), "read", flow.UNBOUNDED)
    while stack:
        node = stack.pop()
        if node in reached:
            continue
        reached.add(node)
        size = prod(node.shape)
        if node in known:
            flow.edge("known", (node, "in"), flow.UNBOUNDED)
            flow.edge((node, "in"), (node, "out"), 0)
            continue
        flow.edge((node, "in"), (node, "out"), _STORED * size)
        cost = flow.UNBOUNDED if node in compared else _recomputing(node)
        flow.edge("known", (node, "in"), cost)
        for operand in node.args:
            if operand.time is not Time.K:
                flow.edge((operand, "out"), (node, "in"), flow.UNBOUNDED)
                stack.append(operand)
    near = flow.near_side("known", "read")
    stored = (n for n in reached.difference(known) if (n, "in") in near and (n, "out") not in near)
    return sorted(stored, key=lambda n: n.id)


def _compared(program: Program) -> set[Node]:
    """What a maximum of a row is taken of, and found again by comparing with it.

    An executor may round a product and a sum together in one pass and apart in the other; a
    value that is computed twice may then differ from itself, and no element be the largest.
    """
    found: set[Node] = set()
    stack = [n.args[0] for n in program.nodes if n.op == "amax"]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += node.args if node.op in STRUCTURE else ()
    return found


def _recomputing(node: Node) -> int:
    """What it costs to compute a node once more."""
    if node.op in AFFINE:
        return FlowGraph.UNBOUNDED
    if node.op in REDUCTIONS:
        return _FUNCTION * prod(node.args[0].shape)
    if node.op in STRUCTURE:
        return 0
    return prod(node.shape) * (1 if node.op in _CHEAP else _FUNCTION)


class Recompute:
    """Forward values inside a backward graph: read where they are stored, else computed again."""

    def __init__(self, graph: BackwardGraph, available: Collection[Node]) -> None:
        self.graph = graph
        self.available = available
        self._made: dict[Node, Node] = {}

    def value(self, node: Node) -> Node:
        """The value of a forward node."""
        stack = [node]  # no recursion: a step may be thousands of operations deep
        while stack:
            last = stack[-1]
            if last.time is Time.K or last in self.available:
                self._made[last] = self.graph.value(last)
            missing = [a for a in last.args if a not in self._made]
            if last not in self._made and not missing:
                args = [self._made[a] for a in last.args]
                self._made[last] = self.graph.copy(last, args)
            if last in self._made:
                stack.pop()
            else:
                stack.extend(missing)
        return self._made[node]
