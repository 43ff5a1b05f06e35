"""Programs from programs: states that are known in advance, and recurrences that are linear."""

from __future__ import annotations

from dataclasses import replace

from mnemonist.engine.graph import Graph
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program, Time
from mnemonist.errors import ConfigError

__all__ = ["bind"]


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
