"""Operations that torch has as one: patterns in a program, and the call that takes their place."""

from __future__ import annotations

from collections.abc import Callable

from mnemonist.engine.program import Node, Time

__all__ = ["Inner", "Pattern", "as_addcmul", "as_lerp", "as_relu"]

Inner = Callable[[Node, str], bool]
Pattern = tuple[str, tuple[Node, ...], tuple[Node, ...]]


def as_relu(node: Node, inner: Inner) -> Pattern | None:
    """where(a <= 0, 0, a)"""
    if node.op != "where" or not inner(node.args[0], "le"):
        return None
    test, zero, value = node.args
    zeros = (test.args[1], zero)
    if test.args[0] is not value or any(z.op != "const" or z.attr[0] != 0.0 for z in zeros):
        return None
    return "relu({})", (value,), (test,)


def as_lerp(node: Node, inner: Inner) -> Pattern | None:
    """(1 - w) a + w b, or a + w (b - a), with w of any binding time."""
    if node.op != "add":
        return None
    for one, other in (node.args, node.args[::-1]):
        if not inner(other, "mul"):
            continue
        for weight, factor in (other.args, other.args[::-1]):
            if inner(factor, "sub") and factor.args[1] is one and _rows(node, one, factor.args[0]):
                return "lerp({}, {}, {})", (one, factor.args[0], weight), (other, factor)
            if not inner(one, "mul"):
                continue
            for rest, start in (one.args, one.args[::-1]):
                is_rest = inner(rest, "sub") and rest.args[1] is weight and _is_one(rest.args[0])
                if is_rest and _rows(node, start, factor) and weight.op != "const":
                    return "lerp({}, {}, {})", (start, factor, weight), (one, other, rest)
    return None


def as_addcmul(node: Node, inner: Inner) -> Pattern | None:
    """a + b c"""
    if node.op != "add":
        return None
    for rest, product in (node.args, node.args[::-1]):
        numbers = any(p.op == "const" for p in product.args)
        if inner(product, "mul") and not numbers and _rows(node, rest) and rest is not product:
            return "addcmul({}, {}, {})", (rest, *product.args), (product,)
    return None


def _rows(like: Node, *nodes: Node) -> bool:
    """Whether the nodes are vectors a row, as wide as one of them."""
    return all(n.time is not Time.K and n.shape == like.shape for n in nodes)


def _is_one(node: Node) -> bool:
    return node.op == "const" and node.attr[0] == 1.0
