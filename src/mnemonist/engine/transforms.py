"""Programs from programs: states that are known in advance, and recurrences that are linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnemonist.engine.graph import Graph
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program, Time
from mnemonist.errors import ConfigError

__all__ = ["LinearRecurrence", "bind", "linear_recurrence", "replaced"]


def bind(program: Program, *states: str) -> Program:
    """The program for states whose previous value is known at every step (teacher forcing).

    What depended on such a state only is hoisted. If no other state is left in the loop (a
    Jordan network under full teacher forcing), all steps run in parallel.

    Raises:
        ConfigError: a name that is no state of the program.
    """
    for name in states:
        if name not in program.states:
            raise ConfigError(f"no state {name!r}: the program has {', '.join(program.states)}")

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node.op == "state" and node.attr[0] in states:
            return graph.node("known", (), node.attr, node.shape, time=Time.X)
        return None

    values = rewrite(program.values, rule)
    return replace(program, values=values, bound=(*program.bound, *states))


def replaced(program: Program, states: Sequence[str], mask: str, value: str) -> Program:
    """The program for states that are given at some steps: a reset, or partial teacher forcing.

    Before the step, state s is ``where(mask, value + s, s)``, with the two as further extras.

    Args:
        states: which.
        mask: name of the extra, of width 1, that is not zero where the state is given.
        value: what the name of a state's extra begins with.
    """

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node.op != "state" or node.attr[0] not in states:
            return None
        here = graph.node("input", (), (mask,), (1,), time=Time.X, logical=True)
        given = graph.node("input", (), (value + node.attr[0],), node.shape, time=Time.X)
        return graph.pointwise("where", here, given, graph.copy(node, ()))

    extras = {mask: 1} | {value + name: program.states[name] for name in states}
    values = rewrite(program.values, rule)
    return replace(program, values=values, extras={**program.extras, **extras})


@dataclass(frozen=True)
class LinearRecurrence:
    """A program as s_t = a_t ⊙ s_{t-1} + b_t, and the rest.

    Attributes:
        coefficients: a program without states whose outputs are ``<state>.a`` and ``<state>.b``
            for every carried state; all of it is hoisted.
        readout: the program with the carried states bound: given the states before every step
            (the scan's, one step late), it computes everything else for all steps at once.
        states: the carried states.
    """

    coefficients: Program
    readout: Program
    states: tuple[str, ...]


def linear_recurrence(program: Program) -> LinearRecurrence | None:
    """The program as linear recurrences, if every carried state is one (minGRU, minLSTM, ...).

    a and b may depend on the input and on parameters, not on a state; a is diagonal.

    Returns:
        None if a carried state depends on itself otherwise, or on another carried state.
    """
    if not program.carried:
        return None
    graph = Graph()
    copied = rewrite(program.values, lambda g, n, made: None, graph)
    values: dict[str, Node] = {}
    for name in program.carried:
        parts = _linear_in(graph, copied[name], name)
        if parts is None:
            return None
        width = (program.states[name],)
        for letter, part in zip("ab", parts, strict=True):
            rows = graph.zeros(width)
            values[f"{name}.{letter}"] = (
                rows if part is None else graph.pointwise("add", rows, part)
            )
    coefficients = replace(
        program,
        states={},
        outputs={name: node.width for name, node in values.items()},
        emits=tuple(values),
        initial={},
        values=values,
        bound=(),
    )
    readout = bind(program, *program.carried)
    return LinearRecurrence(coefficients, readout, program.carried)


_Linear = tuple[Node | None, Node | None]


def _linear_in(g: Graph, node: Node, state: str) -> _Linear | None:
    """(a, b) with node = a ⊙ state + b, where None stands for zero; None if it is not linear."""
    if node.time is not Time.S:
        return None, node
    if node.op == "state":
        return (g.const(1.0), None) if node.attr[0] == state else None
    if node.op not in ("add", "sub", "neg", "mul", "div", "where"):
        return None
    parts = [_linear_in(g, a, state) for a in node.args]
    if any(p is None for p in parts):
        return None
    found = [p for p in parts if p is not None]
    if node.op in ("add", "sub"):
        (a, b), (c, d) = found
        return _sum(g, node.op, a, c), _sum(g, node.op, b, d)
    if node.op == "neg":
        a, b = found[0]
        return _through(g, a, "neg"), _through(g, b, "neg")
    if node.op == "where":
        (_, condition), (a, b), (c, d) = found
        zero = g.const(0.0)
        if found[0][0] is not None or condition is None:
            return None
        return (
            g.pointwise("where", condition, a or zero, c or zero),
            g.pointwise("where", condition, b or zero, d or zero),
        )
    (a, b), (c, d) = found
    if c is None and d is not None:
        return _through(g, a, node.op, d), _through(g, b, node.op, d)
    if a is None and b is not None and node.op == "mul":
        return _through(g, c, "mul", b), _through(g, d, "mul", b)
    return None


def _sum(g: Graph, op: str, one: Node | None, other: Node | None) -> Node | None:
    if other is None:
        return one
    if one is None:
        return other if op == "add" else g.pointwise("neg", other)
    return g.pointwise(op, one, other)


def _through(g: Graph, node: Node | None, op: str, *others: Node) -> Node | None:
    return None if node is None else g.pointwise(op, node, *others)
