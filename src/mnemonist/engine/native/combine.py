"""Several operations of a step as one instruction, where the compiled executor has one for them.

- A sum over a row takes what it sums as a product or as squares of differences, and is scaled.
- The gradient of a normalised row, r (d - mean d - y mean(d y)), is one instruction.
- (a - b) c and a tanh(b) are one pass over memory instead of two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isclose

from mnemonist.engine.program import Node, Time

__all__ = ["JOINS", "combined"]

Phases = dict[str, list[Node]]

JOINS = {
    "add": ("fma", "fma"),
    "sub": ("fms", "fnma"),
    "accumulate": ("fma",),
    "dtanh": ("mul_dtanh",),
    "dsigmoid": ("mul_dsigmoid",),
}
"""What an operation is called together with a product a·b, by which operand the product is."""


def combined(
    phases: Mapping[str, Sequence[Node]], fixed: set[Node]
) -> tuple[Phases, dict[Node, Node]]:
    """The same phases with fewer operations, and what became of each node.

    Args:
        phases: operations by phase, operands first.
        fixed: nodes whose own value is wanted.
    """
    step = _Step(phases, fixed)
    for find in (_gradient_of_normalised, _scaled_sum, _dot, _pass):
        for node in step.nodes():
            find(step, node)
    return step.result()


class _Step:
    """The operations of a step while some of them take the place of others."""

    def __init__(self, phases: Mapping[str, Sequence[Node]], fixed: set[Node]) -> None:
        self.phases = phases
        self.fixed = fixed
        self.place = {n: phase for phase, nodes in phases.items() for n in nodes}
        self.now = {n: n for n in self.place}
        self.users: dict[Node, Counter[Node]] = defaultdict(Counter)
        for node in self.place:
            self.users_of_operands(node, 1)

    def users_of_operands(self, node: Node, count: int) -> None:
        for operand in self.now[node].args:
            self.users[operand][node] += count
            if not self.users[operand][node]:
                del self.users[operand][node]

    def nodes(self) -> Iterator[Node]:
        """Those that are still there."""
        return (n for n in self.place if n in self.now)

    def op(self, node: Node) -> str:
        """What it is by now."""
        return self.now.get(node, node).op

    def args(self, node: Node) -> tuple[Node, ...]:
        return self.now.get(node, node).args

    def inner(self, node: Node, op: str, user: Node) -> bool:
        """Whether a node is this operation and is computed for this user only."""
        return (
            node in self.now
            and self.op(node) == op
            and node not in self.fixed
            and set(self.users[node]) == {user}
            and self.place[node] == self.place[user]
        )

    def only_user(self, node: Node) -> Node | None:
        users = list(self.users[node])
        alone = len(users) == 1 and node not in self.fixed
        return users[0] if alone and self.place[users[0]] == self.place[node] else None

    def becomes(self, node: Node, op: str, args: tuple[Node, ...], gone: Sequence[Node]) -> None:
        """Another operation, in which others vanish."""
        for n in (node, *gone):
            self.users_of_operands(n, -1)
        for n in gone:
            del self.now[n]
        self.now[node] = replace(node, op=op, args=args, attr=())
        self.users_of_operands(node, 1)

    def result(self) -> tuple[Phases, dict[Node, Node]]:
        made: dict[Node, Node] = {}
        result: Phases = {phase: [] for phase in self.phases}
        for node, phase in self.place.items():
            if node in self.now:
                new = self.now[node]
                args = tuple(made.get(a, a) for a in new.args)
                made[node] = new if args == new.args else replace(new, args=args)
                result[phase].append(made[node])
        return result, made


def _number(value: float) -> Node:
    return Node(-1, "const", (), (value,), (), Time.K)


def _mean_of(step: _Step, node: Node, user: Node) -> tuple[Node, list[Node]] | None:
    """What a node is the mean of, and the nodes that this takes."""
    if step.inner(node, "mul", user):
        for total, factor in (node.args, node.args[::-1]):
            if step.inner(total, "sum", node) and factor.op == "const":
                value = total.args[0]
                if isclose(factor.attr[0] * value.width, 1.0):
                    return value, [node, total]
    return None


def _gradient_of_normalised(step: _Step, node: Node) -> None:
    """d - mean d - y mean(d y), times a number a row."""
    if node.op != "sub":
        return
    rest, along = node.args
    if not (step.inner(rest, "sub", node) and step.inner(along, "mul", node)):
        return
    d = rest.args[0]
    mean = _mean_of(step, rest.args[1], rest)
    if mean is None or mean[0] is not d or d.shape != node.shape:
        return
    for y, common in (along.args, along.args[::-1]):
        other = _mean_of(step, common, along)
        if other is None or y.shape != node.shape:
            continue
        product, *_ = other
        if step.inner(product, "mul", other[1][1]) and set(product.args) == {d, y}:
            gone = [rest, along, *mean[1], *other[1], product]
            user = step.only_user(node)
            if user is not None and step.op(user) == "mul" and user.shape == node.shape:
                scale = user.args[1] if user.args[0] is node else user.args[0]
                if scale is not node and scale.shape[-1:] == (1,):
                    step.becomes(user, "dnormalised", (d, y, scale), [node, *gone])
                    return
            step.becomes(node, "dnormalised", (d, y, _number(1.0)), gone)
            return


def _scaled_sum(step: _Step, node: Node) -> None:
    """A sum over a row times a constant; the sum of squares of a - b where b is a number a row."""
    if step.op(node) != "mul":
        return
    for total, factor in (node.args, node.args[::-1]):
        if factor.op != "const" or not step.inner(total, "sum", node):
            continue
        (value,) = total.args
        if step.inner(value, "mul", total) and value.args[0] is value.args[1]:
            away = value.args[0]
            if away.op == "sub" and away.args[0].shape == away.shape == value.shape:
                gone = [total, value, *([away] if step.inner(away, "sub", value) else [])]
                if away.args[1].shape[-1:] == (1,):
                    step.becomes(node, "spread_times", (*away.args, factor), gone)
                    return
        step.becomes(node, "sum_times", (value, factor), [total])
        return


def _dot(step: _Step, node: Node) -> None:
    """A sum over a row of products of two."""
    if step.op(node) not in ("sum", "sum_times"):
        return
    value, *factor = step.args(node)
    if step.inner(value, "mul", node) and all(a.shape == value.shape for a in value.args):
        scale = factor[0] if factor else _number(1.0)
        step.becomes(node, "dot_times", (*value.args, scale), [value])


def _pass(step: _Step, node: Node) -> None:
    """(a - b) c, a tanh(b)."""
    if step.op(node) != "mul" or _joins(step, node):
        return
    for first, second in (node.args, node.args[::-1]):
        if first is second or first.shape != node.shape:
            continue
        if step.inner(first, "sub", node):
            step.becomes(node, "sub_mul", (*step.args(first), second), [first])
            return
        if step.inner(first, "tanh", node) and second.shape == node.shape:
            step.becomes(node, "mul_tanh", (second, *step.args(first)), [first])
            return


def _joins(step: _Step, node: Node) -> bool:
    """Whether a product is the one that its user will be computed together with."""
    user = step.only_user(node)
    if user is None or user.shape != node.shape:
        return False
    places = step.args(user)[: len(JOINS.get(step.op(user), ()))]
    able = (a for a in places if step.inner(a, "mul", user) and a.shape == user.shape)
    return next(able, None) is node
