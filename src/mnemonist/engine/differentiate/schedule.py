"""When each part of a backward step runs: before the loop, in it, or behind it.

Only what ∂L/∂s_{t-1} needs must run step by step. Products that hang on no carry (a readout's)
are made for all steps at once before it; gradients of inputs and weights behind it, from what
the loop keeps. A sum over steps whose terms nothing else keeps is added up in the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnemonist.engine.differentiate.backward_graph import TRANSPOSED
from mnemonist.engine.program import AFFINE, STRUCTURE, Node, Time

if TYPE_CHECKING:
    from mnemonist.engine.differentiate.gradient import Gradient, Sink

__all__ = ["SOURCES", "Schedule", "schedule"]

SOURCES = frozenset({"saved", "carry", "loss", "const"})
"""Where the values of a backward step come from, K nodes apart."""


@dataclass(frozen=True)
class Schedule:
    """The stages of a backward step; see `Gradient`."""

    before: tuple[Node, ...]
    loop: tuple[Node, ...]
    after: tuple[Node, ...]
    kept: tuple[Node, ...]
    accumulated: tuple[Sink, ...]


def schedule(gradient: Gradient) -> Schedule:
    """The stages of a backward step."""
    states = list(gradient.states.values())
    needed = _computed(states)
    early = [n for n in needed if n.op in AFFINE | TRANSPOSED and n.time is Time.X]
    before = _computed(early)
    loop = {n for n in needed if n not in before}

    products = [s for s in gradient.parameters if s.kind != "sum"]
    wanted = [*gradient.inputs.values(), *(r for s in products for r in s.roots)]
    after, kept = _behind(wanted, loop, before)
    accumulated = []
    for sink in gradient.parameters:
        if sink.kind != "sum":
            continue
        more, terms = _behind(sink.roots, loop, before)
        if terms <= kept:
            after |= more
        else:
            accumulated.append(sink)
    inside = _computed([s.gradient for s in accumulated])
    loop |= {n for n in inside if n not in before}

    def ordered(nodes: Iterable[Node]) -> tuple[Node, ...]:
        return tuple(sorted(nodes, key=lambda n: n.id))

    return Schedule(
        before=ordered(before),
        loop=ordered(loop),
        after=ordered(after),
        kept=ordered(kept),
        accumulated=tuple(accumulated),
    )


def _computed(roots: Iterable[Node]) -> set[Node]:
    """The operations that roots depend on."""
    found: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in found or node.time is Time.K or node.op in SOURCES:
            continue
        found.add(node)
        stack.extend(node.args)
    return found


def _behind(
    roots: Iterable[Node], loop: Set[Node], before: Set[Node]
) -> tuple[set[Node], set[Node]]:
    """What runs behind the loop for these roots, and what it reads of the loop.

    Rearrangements of the loop's values are made again rather than kept.
    """
    after: set[Node] = set()
    kept: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in after or node in kept or node in before or node.time is Time.K:
            continue
        in_loop = node in loop and node.time is Time.S
        if node.op == "carry" or (in_loop and node.op not in STRUCTURE):
            kept.add(node)
        elif node.op not in SOURCES:
            after.add(node)
            stack.extend(node.args)
    return after, kept
