"""Operations that torch has as one: patterns in a program, and the call that takes their place."""

from __future__ import annotations

from math import isclose
from typing import Protocol

from mnemonist.engine.program import Node, Time

__all__ = ["Inner", "Pattern", "as_addcmul", "as_layer_norm", "as_lerp", "as_relu", "normalised"]

Pattern = tuple[str, tuple[Node, ...], tuple[Node, ...]]
"""The call with a place for every operand, the operands, and the nodes that vanish in it."""


class Inner(Protocol):
    """Whether a node is this operation and has so many uses: none but those in the pattern."""

    def __call__(self, node: Node, op: str, uses: int = 1) -> bool: ...


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


def as_layer_norm(node: Node, inner: Inner) -> Pattern | None:
    """α (a - mean a) / sqrt(var a + ε) + β; α and β are parameters, either may be missing."""
    normal, gain, shift = node, None, None
    vanished: list[Node] = []
    if node.op == "add":
        normal, shift = _and_parameter(node)
        if shift is None:
            return None
        vanished.append(normal)
    if normal.op == "mul" and _and_parameter(normal)[1] is not None:
        normal, gain = _and_parameter(normal)
        vanished.append(normal)
    if not all(inner(n, n.op) for n in vanished):
        return None
    found = normalised(normal, inner)
    if found is None:
        return None
    value, eps, below = found
    operands = [n for n in (value, gain, shift) if n is not None]
    weight, bias = ("None" if n is None else "{}" for n in (gain, shift))
    form = f"layer_norm({{}}, ({value.width},), {weight}, {bias}, {eps!r})"
    return form, tuple(operands), (*vanished, *below)


def _and_parameter(node: Node) -> tuple[Node, Node | None]:
    """A row and the vector of parameters that meets it, if there is one."""
    for row, parameter in (node.args, node.args[::-1]):
        if parameter.time is Time.K and parameter.shape == (node.width,):
            return row, parameter
    return node, None


def normalised(node: Node, inner: Inner) -> tuple[Node, float, tuple[Node, ...]] | None:
    """(a - mean a) times rsqrt(var a + ε), or over its root: a, ε, and the nodes between."""
    if node.op not in ("mul", "div"):
        return None
    for centred, scale in (node.args, node.args[::-1]):
        if not inner(scale, "rsqrt" if node.op == "mul" else "sqrt"):
            continue
        sum_ = scale.args[0]
        if not inner(sum_, "add") or all(n.op != "const" for n in sum_.args):
            continue
        variance, eps = sorted(sum_.args, key=lambda n: n.op == "const")
        spread = _mean_of(variance, inner)
        if spread is None or not inner(spread[0], "mul"):
            continue
        square, *below = spread
        if square.args != (centred, centred) or not inner(centred, "sub", uses=3):
            continue
        value, mean = centred.args
        middle = _mean_of(mean, inner)
        if middle is not None and middle[0] is value and value.shape == node.shape:
            between = (scale, sum_, square, centred, *below, *middle[1:])
            return value, float(eps.attr[0]), between
    return None


def _mean_of(node: Node, inner: Inner) -> tuple[Node, Node, Node] | None:
    """What a node is the mean of, and the two nodes that it takes."""
    if inner(node, "mul"):
        for total, factor in (node.args, node.args[::-1]):
            if inner(total, "sum") and factor.op == "const":
                value = total.args[0]
                if isclose(factor.attr[0] * value.width, 1.0):
                    return value, node, total
    return None


def _rows(like: Node, *nodes: Node) -> bool:
    """Whether the nodes are vectors a row, as wide as one of them."""
    return all(n.time is not Time.K and n.shape == like.shape for n in nodes)


def _is_one(node: Node) -> bool:
    return node.op == "const" and node.attr[0] == 1.0
