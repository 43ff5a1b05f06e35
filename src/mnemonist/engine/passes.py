"""What turns a recording into a program worth running: fewer, larger products, and early ones.

In order: regroup chains of additions by binding time, so that what is known before the loop is
added before it; stack all products of one operand into one; start a product's accumulators from
what is added to it. Common subexpressions went when the nodes were made (`Graph`), and products
of ``cat(x, h)`` were split by the lowering. The LSTM comes out as one product before the loop
and one in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mnemonist.engine.graph import Graph
from mnemonist.engine.program import AFFINE, Node, Time, ancestors
from mnemonist.engine.prologue import LIKE_INPUT

__all__ = ["optimise", "rewrite", "users_of"]

Values = dict[str, Node]
Made = dict[Node, Node]
Rule = Callable[[Graph, Node, Made], Node | None]


def optimise(values: Mapping[str, Node]) -> Values:
    """All passes; the values of a step by name, before and after."""
    regrouped = _regroup(_slice_terms(dict(values)))
    stacked = _stack(_stack(regrouped, "mm"), "bmm")
    return _start_accumulators(stacked)


def rewrite(values: Mapping[str, Node], rule: Rule, graph: Graph | None = None) -> Values:
    """The same step in a new graph; where the rule gives a node, in place of the old one."""
    graph = Graph() if graph is None else graph
    made: Made = {}
    # x never depends on a state: hoisted nodes first, so that rules find them made
    for node in sorted(ancestors(values.values()), key=lambda n: (n.time, n.id)):
        graph.source = node.source
        new = rule(graph, node, made)
        made[node] = graph.copy(node, [made[a] for a in node.args]) if new is None else new
        if not made[node].label:
            made[node].label = node.label
    return {name: made[node] for name, node in values.items()}


def users_of(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """Who uses each node, once for every operand that it is."""
    users: dict[Node, list[Node]] = defaultdict(list)
    for node in nodes:
        for operand in node.args:
            users[operand].append(node)
    return users


def _slice_terms(values: Values) -> Values:
    """A slice of a sum of products as a sum of slices, where only slices of the sum are used."""
    users = users_of(ancestors(values.values()))
    returned = set(values.values())

    def only_sliced(node: Node) -> bool:
        if node in returned or node.op != "add" or not all(_plain(a, node) for a in node.args):
            return False
        return all(u.op == "slice" or (u.op == "add" and only_sliced(u)) for u in users[node])

    def has_product(node: Node) -> bool:
        return node.op in AFFINE or (node.op == "add" and any(map(has_product, node.args)))

    def sliced(graph: Graph, node: Node, bounds: tuple[int, int], made: Made) -> Node:
        if node.op == "add" and node.time is not Time.K and only_sliced(node):
            return graph.pointwise("add", *(sliced(graph, a, bounds, made) for a in node.args))
        return made[node] if node.width == 1 else graph.slice(made[node], *bounds)

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node.op != "slice" or node.time is Time.K or not has_product(node.args[0]):
            return None
        return sliced(graph, node.args[0], node.attr, made)

    return rewrite(values, rule)


def _regroup(values: Values) -> Values:
    """k + s + x + s' as ((k + x) + s) + s'; products first among equals."""
    users = users_of(ancestors(values.values()))
    returned = set(values.values())

    def terms(node: Node, top: bool = True) -> list[Node]:
        inner = top or (len(users[node]) == 1 and node not in returned)
        if node.op == "add" and inner and all(_plain(a, node) for a in node.args):
            return [t for a in node.args for t in terms(a, False)]
        return [node]

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node.op != "add" or node.time is Time.K:
            return None
        parts = terms(node)
        if len(parts) < 3:
            return None
        parts.sort(key=lambda t: (t.time, _affine_below(t) is None))
        total = made[parts[0]]
        for part in parts[1:]:
            total = graph.pointwise("add", total, made[part])
        return total

    return rewrite(values, rule)


def _plain(term: Node, total: Node) -> bool:
    return term.shape == total.shape or term.time is Time.K


def _affine_below(node: Node) -> Node | None:
    """The product that this node is, or is a slice of."""
    below = node.args[0] if node.op == "slice" else node
    return below if below.op in AFFINE else None


def _stack(values: Values, op: str) -> Values:
    """All products of one operand as one product, and slices of it."""
    groups: dict[tuple, list[Node]] = defaultdict(list)
    for node in ancestors(values.values()):
        if node.op == op and node.time is not Time.K:
            # block-diagonal weights must have blocks of one size
            sizes = node.args[1].shape[1:] if op == "bmm" else ()
            groups[(node.args[0], sizes)].append(node)
    place = {
        n: (group, i) for group in groups.values() if len(group) > 1 for i, n in enumerate(group)
    }
    whole: dict[int, Node] = {}

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        if node not in place:
            return None
        group, i = place[node]
        if id(group) not in whole:
            weight = graph.weights([made[n.args[1]] for n in group], 0)
            whole[id(group)] = graph.affine(op, made[node.args[0]], weight)
        start = sum(n.width for n in group[:i])
        return graph.slice(whole[id(group)], start, start + node.width)

    return rewrite(values, rule)


def _start_accumulators(values: Values) -> Values:
    """v Wᵀ + e, with e known earlier, as a product that starts from e.

    A stacked product starts from the addends of all its slices, side by side.
    """
    for time in (Time.X, Time.S):
        while (rule := _next_start(values, time)) is not None:
            values = rewrite(values, rule)
    return values


def _next_start(values: Values, time: Time) -> Rule | None:
    """The rule for the first product of this binding time that can start from an addend."""
    nodes = ancestors(values.values())
    users, returned = users_of(nodes), set(values.values())
    for product in nodes:
        if product.op not in AFFINE or product.time is not time or len(product.args) > 2:
            continue
        pieces = [product]
        if product not in returned and all(u.op == "slice" for u in users[product]):
            pieces = sorted(users[product], key=lambda p: p.attr)
            if any(p.attr[1] > q.attr[0] for p, q in pairwise(pieces)):
                continue
        addends = [_addend(p, product, users, returned) for p in pieces]
        if any(addends):
            return _starting(product, pieces, addends)
    return None


def _addend(
    piece: Node, product: Node, users: Mapping[Node, list[Node]], returned: set[Node]
) -> tuple[Node, Node] | None:
    """The only addition that a piece goes into, and what else goes into it."""
    if piece in returned or len(users[piece]) != 1:
        return None
    (addition,) = users[piece]
    if addition.op != "add" or addition.shape != piece.shape:
        return None
    other = addition.args[1] if addition.args[0] is piece else addition.args[0]
    if other.shape != piece.shape and other.time is not Time.K:
        return None
    # a whole product may start from anything made before it; slices must not wait for a state
    early = other.time < product.time or (piece is product and other.time is product.time)
    return (addition, other) if early else None


def _starting(
    product: Node, pieces: Sequence[Node], addends: Sequence[tuple[Node, Node] | None]
) -> Rule:
    """Make the product once, from its addends, and put its pieces in place of the additions."""
    place = {piece if a is None else a[0]: piece for piece, a in zip(pieces, addends, strict=True)}
    started: list[Node] = []

    def rule(graph: Graph, node: Node, made: Made) -> Node | None:
        piece = place.get(node)
        if piece is None:
            return None
        if not started:
            starts = [None if a is None else made[a[1]] for a in addends]
            operand, weight = (made[a] for a in product.args)
            start = _side_by_side(graph, pieces, starts, product)
            started.append(graph.affine(product.op, operand, weight, start))
        return started[0] if piece is product else graph.slice(started[0], *piece.attr)

    return rule


def _side_by_side(
    graph: Graph, pieces: Sequence[Node], starts: Sequence[Node | None], product: Node
) -> Node:
    """One addend for the whole product; zeros where a piece has none."""
    constant = all(s is None or s.time is Time.K for s in starts)
    parts: list[Node] = []
    reached = 0
    for piece, start in zip(pieces, starts, strict=True):
        first, last = (0, product.width) if piece is product else piece.attr
        if first > reached:
            parts.append(_fitted(graph, None, first - reached, constant))
        parts.append(_fitted(graph, start, last - first, constant))
        reached = last
    if reached < product.width:
        parts.append(_fitted(graph, None, product.width - reached, constant))
    return graph.cat(parts)


def _fitted(graph: Graph, start: Node | None, width: int, constant: bool) -> Node:
    """An addend as a vector of this width, for all rows together or for each row."""
    if not constant:
        if start is None:
            return graph.zeros((width,))
        return (
            start
            if start.time is not Time.K
            else graph.pointwise("add", graph.zeros((width,)), start)
        )
    if start is not None and start.shape == (width,):
        return start
    like_x: dict[str, Any] = dict(LIKE_INPUT)
    zeros = graph.call("torch.zeros", [width], shape=(width,), **like_x)
    return zeros if start is None else graph.pointwise("add", zeros, start)
