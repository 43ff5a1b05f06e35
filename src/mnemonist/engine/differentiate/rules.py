"""The derivative of every elementwise operation, written in the operations of a program.

Each rule takes the graph, the forward node and the gradient d of its value, and gives the
gradient of each operand before broadcasting is undone: None where there is none. The same rules
serve forward mode, for an elementwise operation's Jacobian is diagonal. At corners they say
what torch says: the gradient of ``max`` and ``min`` is halved at a tie, |x|' is 0 at 0, the
exponent of a zero base gets none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from mnemonist.engine.differentiate.backward_graph import BackwardGraph
from mnemonist.engine.program import LOGICAL, Node

__all__ = ["FLAT", "RULES", "relu_of"]

Gradients = Sequence[Node | None]
Rule = Callable[[BackwardGraph, Node, Node], Gradients]

FLAT = LOGICAL | {"sign", "floor", "stop"}
"""Operations that pass no gradient."""


def _neg(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("neg", d)]


def _add(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [d, d]


def _sub(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [d, g.pointwise("neg", d)]


def _mul(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    a, b = map(g.value, n.args)
    if a is b:
        return [g.pointwise("mul", g.pointwise("mul", d, g.const(2.0)), a), None]
    return [g.pointwise("mul", d, b), g.pointwise("mul", d, a)]


def _div(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    b = g.value(n.args[1])
    by_a = g.pointwise("div", d, b)
    return [by_a, g.pointwise("neg", g.pointwise("mul", by_a, g.value(n)))]


def _pow(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    a, b = map(g.value, n.args)
    zero = g.const(0.0)
    if b.op == "const":
        power = b.attr[0]
        if power == 0.0:
            return [None, None]
        slope = g.pointwise("pow", a, g.const(power - 1.0)) if power != 2.0 else a
        return [g.pointwise("mul", d, g.pointwise("mul", b, slope)), None]
    slope = g.pointwise("mul", b, g.pointwise("pow", a, g.pointwise("sub", b, g.const(1.0))))
    by_a = g.pointwise("where", g.pointwise("eq", b, zero), zero, g.pointwise("mul", d, slope))
    flat = g.pointwise("and", g.pointwise("eq", a, zero), g.pointwise("ge", b, zero))
    slope = g.pointwise("mul", g.value(n), g.pointwise("log", a))
    return [by_a, g.pointwise("mul", d, g.pointwise("where", flat, zero, slope))]


def _extreme(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    a, b = map(g.value, n.args)
    loses, wins = ("lt", "gt") if n.op == "max" else ("gt", "lt")
    half = g.pointwise("mul", d, g.const(0.5))
    shared = g.pointwise("where", g.pointwise("eq", a, b), half, d)
    zero = g.const(0.0)
    return [g.pointwise("where", g.pointwise(op, a, b), zero, shared) for op in (loses, wins)]


def relu_of(node: Node) -> bool:
    """Whether a node is where(a <= 0, 0, a)."""
    test, zero, value = node.args
    if test.op != "le" or test.args[0] is not value:
        return False
    return all(z.op == "const" and z.attr[0] == 0.0 for z in (test.args[1], zero))


def _where(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    zero = g.const(0.0)
    if relu_of(n):  # told by the result, so that the operand need not be kept
        test = g.pointwise("le", g.value(n), zero)
    else:
        test = g.value(n.args[0])
    return [None, g.pointwise("where", test, d, zero), g.pointwise("where", test, zero, d)]


def _exp(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("mul", d, g.value(n))]


def _log(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("div", d, g.value(n.args[0]))]


def _tanh(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("dtanh", d, g.value(n))]


def _sigmoid(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("dsigmoid", d, g.value(n))]


def _softplus(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("mul", d, g.pointwise("sigmoid", g.value(n.args[0])))]


def _erf(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    a = g.value(n.args[0])
    bell = g.pointwise("exp", g.pointwise("neg", g.pointwise("mul", a, a)))
    slope = g.pointwise("mul", bell, g.const(2.0 / math.sqrt(math.pi)))
    return [g.pointwise("mul", d, slope)]


def _sin(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("mul", d, g.pointwise("cos", g.value(n.args[0])))]


def _cos(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("neg", g.pointwise("mul", d, g.pointwise("sin", g.value(n.args[0]))))]


def _abs(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("mul", d, g.pointwise("sign", g.value(n.args[0])))]


def _sqrt(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    return [g.pointwise("div", g.pointwise("mul", d, g.const(0.5)), g.value(n))]


def _rsqrt(g: BackwardGraph, n: Node, d: Node) -> Gradients:
    y = g.value(n)
    cube = g.pointwise("mul", y, g.pointwise("mul", y, y))
    return [g.pointwise("mul", d, g.pointwise("mul", cube, g.const(-0.5)))]


RULES: Mapping[str, Rule] = {
    "neg": _neg,
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "max": _extreme,
    "min": _extreme,
    "where": _where,
    "exp": _exp,
    "log": _log,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
    "sin": _sin,
    "cos": _cos,
    "abs": _abs,
    "sqrt": _sqrt,
    "rsqrt": _rsqrt,
}
