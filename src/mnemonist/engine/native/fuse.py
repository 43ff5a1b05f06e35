"""Rewriting of a step's operations into those that the compiled executor has in one.

- A product that something is added to starts from it.
- (1 - z) a + z b is a + z (b - a), which is one instruction.
- What `combine` finds.
- Backwards, what follows from a step's values without a product is computed in the step, while
  they are near, rather than behind the loop.
- Backwards, rows that two products read in different company are not copied together: the
  product of a concatenation is the sum of the products of its parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mnemonist.engine.native.combine import combined
from mnemonist.engine.program import Node

__all__ = ["PRODUCTS", "advanced", "fused", "scattered"]

PRODUCTS = frozenset({"mm", "mmT", "bmm", "bmmT"})

Phases = dict[str, list[Node]]


def fused(
    phases: Mapping[str, Sequence[Node]], fixed: set[Node]
) -> tuple[Phases, dict[Node, Node]]:
    """The same phases with fewer operations, and what became of each node.

    Args:
        phases: operations by phase, operands first.
        fixed: nodes whose own value is wanted.
    """
    place = {n: (phase, i) for phase, nodes in phases.items() for i, n in enumerate(nodes)}
    users: dict[Node, list[Node]] = defaultdict(list)
    for node in place:
        for operand in node.args:
            users[operand].append(node)

    def alone(node: Node, user: Node) -> bool:
        """Whether a node is computed for this user only."""
        if node not in place or node in fixed or len(users[node]) != 1:
            return False
        return place[node][0] == place[user][0] and node.shape == user.shape

    replaced: dict[Node, Node] = {}
    dropped: set[Node] = set()
    for node in place:
        found = _started(node, place, alone) or _interpolated(node, alone)
        if found is not None:
            replaced[node], gone = found
            dropped |= gone
    made: dict[Node, Node] = {}
    result: Phases = {phase: [] for phase in phases}
    for phase, nodes in phases.items():
        for node in nodes:
            if node not in dropped:
                new = replaced.get(node, node)
                args = tuple(made.get(a, a) for a in new.args)
                made[node] = new if args == new.args else replace(new, args=args)
                result[phase].append(made[node])
    result, then = combined(result, {made.get(node, node) for node in fixed})
    return result, {node: then[new] for node, new in made.items() if new in then}


_Found = tuple[Node, set[Node]]


def _started(
    node: Node, place: Mapping[Node, tuple[str, int]], alone: Callable[[Node, Node], bool]
) -> _Found | None:
    """product + addend as a product that starts from it."""
    if node.op != "add":
        return None
    for product, addend in (node.args, node.args[::-1]):
        fits = product.op in PRODUCTS and len(product.args) == 2 and alone(product, node)
        early = addend not in place or place[addend][0] != place[node][0]
        early = early or (product in place and place[addend] < place[product])
        if fits and early and addend.shape == node.shape:
            return replace(node, op=product.op, args=(*product.args, addend)), {product}
    return None


def _interpolated(node: Node, alone: Callable[[Node, Node], bool]) -> _Found | None:
    """(1 - z) a + z b as a + z (b - a); a + z (b - a) as it is."""
    if node.op != "add":
        return None
    for first, second in (node.args, node.args[::-1]):
        if second.op != "mul" or not alone(second, node) or first.shape != node.shape:
            continue
        for z, step in (second.args, second.args[::-1]):
            ready = step.op == "sub" and step.args[1] is first and step.args[0].shape == node.shape
            if ready and alone(step, second):
                return replace(node, op="mix", args=(first, step.args[0], z)), {second, step}
        if first.op != "mul" or not alone(first, node):
            continue
        for rest, a in (first.args, first.args[::-1]):
            if rest.op != "sub" or rest.args[0].op != "const" or rest.args[0].attr[0] != 1.0:
                continue
            z = rest.args[1]
            if z in second.args and a.shape == node.shape and alone(rest, first):
                b = second.args[1] if second.args[0] is z else second.args[0]
                if b.shape == node.shape:
                    return replace(node, op="mix", args=(a, b, z)), {first, second, rest}
    return None


def advanced(phases: Mapping[str, Sequence[Node]]) -> Phases:
    """The same operations, those behind the loop in it where all that they read is there."""
    loop = list(phases["loop"])
    inside = {n for n in loop if n.op not in PRODUCTS}
    place = {n: phase for phase, nodes in phases.items() for n in nodes}
    after = []
    for node in phases["after"]:
        computed = [a for a in node.args if a in place]
        near = all(a in inside or place[a] == "before" for a in computed)
        if near and inside.intersection(computed) and node.op not in (*PRODUCTS, "cat"):
            loop.append(node)
            inside.add(node)
        else:
            after.append(node)
    return {"before": list(phases["before"]), "loop": loop, "after": after}


def scattered(phases: Mapping[str, Sequence[Node]], fixed: set[Node]) -> set[Node]:
    """Concatenations that need no place: their parts lie in another one that products read.

    Args:
        fixed: nodes whose own value is wanted.
    """
    place = {n: phase for phase, nodes in phases.items() for n in nodes}
    users: dict[Node, list[Node]] = defaultdict(list)
    for node in place:
        for operand in node.args:
            users[operand].append(node)

    def by_parts(cat: Node) -> bool:
        return cat not in fixed and all(
            u.op == "accumulate"
            or (u.op in ("mm", "mmT") and u.args[1:2] != (cat,) and u.args[2:] != (cat,))
            for u in users[cat]
        )

    found: set[Node] = set()
    whole: set[Node] = set()
    for phase in ("loop", "before", "after"):
        for cat in (n for n in phases.get(phase, ()) if n.op == "cat"):
            if phase == "after" and by_parts(cat) and whole & set(cat.args):
                found.add(cat)
            else:
                whole |= set(cat.args)
    return found
