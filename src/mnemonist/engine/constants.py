"""What a program computes from parameters alone, computed once for several runs.

A sequence may be run in segments, or a program be taken apart into two. A dropped weight must be
drawn once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.graph import Graph
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program, Time

__all__ = ["settled"]


@dataclass(frozen=True)
class _Settled:
    """A program with the values of some nodes as its parameters.

    Attributes:
        program: the program.
        names: what those values are called as parameters.
        compute: the function of x and the old program's leaves that gives them.
    """

    program: Program
    names: tuple[str, ...]
    compute: Callable[..., tuple[Tensor, ...]]


_SETTLED: WeakKeyDictionary[Program, _Settled | None] = WeakKeyDictionary()


def settled(
    program: Program, leaves: Mapping[str, Tensor], like: Tensor
) -> tuple[Program, dict[str, Tensor]]:
    """The program without its parameter-only stage, and the leaves that it takes: the results.

    Gates stay stacked by the program itself, because torch's kernels take weights by gate.

    Args:
        program: the program.
        leaves: its parameters and buffers by name.
        like: a tensor of the dtype and on the device of x.
    """
    if program not in _SETTLED:
        _SETTLED[program] = _settle(program)
    found = _SETTLED[program]
    if found is None:
        return program, {name: leaves[name] for name in program.leaves}
    values = found.compute(like, tuple(leaves[name] for name in program.leaves))
    known = {**leaves, **dict(zip(found.names, values, strict=True))}
    return found.program, {name: known[name] for name in found.program.leaves}


def _settle(program: Program) -> _Settled | None:
    """None for a program that computes nothing from parameters alone."""
    constants = {node: f"@{i}" for i, node in enumerate(_computed(program))}
    if not constants:
        return None

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        name = constants.get(node)
        return None if name is None else graph.leaf(name, node.shape, logical=node.logical)

    return _Settled(
        program=replace(program, values=rewrite(program.values, rule)),
        names=tuple(constants.values()),
        compute=compile_prologue(program, [*constants]),
    )


def _computed(program: Program) -> list[Node]:
    """The last nodes of the parameter-only stage, stacks of weights taken apart."""
    read = [a for n in program.nodes if n.time is not Time.K for a in n.args if a.time is Time.K]
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    while read:
        node = read.pop()
        if node not in seen:
            seen.add(node)
            if node.op in ("cat", "slice") or node.attr[:1] == ("torch.cat",):
                read.extend(node.args)
            elif node.op not in ("leaf", "const"):
                found[node] = None
    return sorted(found, key=lambda n: n.id)
