"""Elementwise functions: arithmetic, comparisons, activations."""

from __future__ import annotations

import math
from typing import Any

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.lowering.table import LOWERINGS, Lowering, Operand, as_node, lower, scaled
from mnemonist.engine.program import Node

__all__ = ["clamp", "square"]


_UNARY = "neg exp log tanh sigmoid softplus erf sin cos abs sign floor sqrt rsqrt"
_ALIASES = {"negative": "neg", "absolute": "abs", "expit": "sigmoid", "special_expit": "sigmoid"}
_BINARY = {
    "sub": "sub subtract",
    "mul": "mul multiply rmul",
    "div": "div divide true_divide truediv",
    "max": "maximum fmax",
    "min": "minimum fmin",
    "pow": "pow float_power",
    "gt": "gt greater",
    "ge": "ge greater_equal",
    "lt": "lt less",
    "le": "le less_equal",
    "eq": "eq",
    "ne": "ne not_equal",
    "and": "logical_and bitwise_and and rand",
    "or": "logical_or bitwise_or or ror",
}


def _unary(op: str) -> Lowering:
    return lambda g, a: g.pointwise(op, a)


def _binary(op: str) -> Lowering:
    return lambda g, a, b: g.pointwise(op, as_node(g, a), as_node(g, b))


for _op in _UNARY.split():
    LOWERINGS[_op] = _unary(_op)
for _name, _op in _ALIASES.items():
    LOWERINGS[_name] = _unary(_op)
for _op, _names in _BINARY.items():
    for _name in _names.split():
        LOWERINGS[_name] = _binary(_op)


@lower("logical_not", "bitwise_not", "invert", "not")
def _not(g: Graph, a: Node) -> Node:
    return g.pointwise("not", a)


@lower("logical_xor", "bitwise_xor", "xor")
def _xor(g: Graph, a: Node, b: Node) -> Node:
    return g.pointwise("ne", a, b)


@lower("isnan")
def _isnan(g: Graph, a: Node) -> Node:
    return g.pointwise("ne", a, a)


@lower("add", "radd")
def _add(g: Graph, a: Operand, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("add", as_node(g, a), scaled(g, as_node(g, b), alpha))


@lower("sub", "subtract")
def _sub(g: Graph, a: Operand, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("sub", as_node(g, a), scaled(g, as_node(g, b), alpha))


@lower("rsub")
def _rsub(g: Graph, a: Node, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("sub", as_node(g, b), scaled(g, a, alpha))


@lower("rdiv", "rtruediv")
def _rdiv(g: Graph, a: Node, b: Operand) -> Node:
    return g.pointwise("div", as_node(g, b), a)


@lower("div", "divide", "true_divide", "truediv")
def _div(g: Graph, a: Operand, b: Operand, rounding_mode: str | None = None) -> Node:
    quotient = g.pointwise("div", as_node(g, a), as_node(g, b))
    if rounding_mode == "floor":
        return g.pointwise("floor", quotient)
    if rounding_mode is not None:
        raise Unfit(f"rounding_mode={rounding_mode!r}")
    return quotient


@lower("rpow")
def _rpow(g: Graph, a: Node, base: Operand) -> Node:
    if isinstance(base, (int, float)) and base > 0:
        return g.pointwise("exp", g.pointwise("mul", a, g.const(math.log(base))))
    raise Unfit(f"a power of {base!r}: only positive numbers")


@lower("addcmul")
def _addcmul(g: Graph, a: Node, b: Node, c: Node, value: float = 1) -> Node:
    return g.pointwise("add", a, scaled(g, g.pointwise("mul", b, c), value))


@lower("addcdiv")
def _addcdiv(g: Graph, a: Node, b: Node, c: Node, value: float = 1) -> Node:
    return g.pointwise("add", a, scaled(g, g.pointwise("div", b, c), value))


@lower("lerp")
def _lerp(g: Graph, a: Node, b: Node, weight: Operand) -> Node:
    return g.pointwise("add", a, g.pointwise("mul", as_node(g, weight), g.pointwise("sub", b, a)))


@lower("where")
def _where(g: Graph, condition: Node, a: Operand, b: Operand) -> Node:
    return g.pointwise("where", condition, as_node(g, a), as_node(g, b))


@lower("masked_fill")
def _masked_fill(g: Graph, a: Node, mask: Node, value: Operand) -> Node:
    return g.pointwise("where", mask, as_node(g, value), a)


@lower("square")
def square(g: Graph, a: Node) -> Node:
    return g.pointwise("mul", a, a)


@lower("reciprocal")
def _reciprocal(g: Graph, a: Node) -> Node:
    return g.pointwise("div", g.const(1.0), a)


@lower("exp2")
def _exp2(g: Graph, a: Node) -> Node:
    return _rpow(g, a, 2.0)


@lower("expm1")
def _expm1(g: Graph, a: Node) -> Node:
    return g.pointwise("sub", g.pointwise("exp", a), g.const(1.0))


@lower("log1p")
def _log1p(g: Graph, a: Node) -> Node:
    return g.pointwise("log", g.pointwise("add", a, g.const(1.0)))


@lower("log2")
def _log2(g: Graph, a: Node) -> Node:
    return scaled(g, g.pointwise("log", a), 1 / math.log(2))


@lower("log10")
def _log10(g: Graph, a: Node) -> Node:
    return scaled(g, g.pointwise("log", a), 1 / math.log(10))


@lower("tan")
def _tan(g: Graph, a: Node) -> Node:
    return g.pointwise("div", g.pointwise("sin", a), g.pointwise("cos", a))


@lower("detach", "data")
def _detach(g: Graph, a: Node) -> Node:
    return g.pointwise("stop", a)


@lower("clone", "contiguous", "alias", "positive", "requires_grad_", "real", "lift_fresh_copy")
def _same(g: Graph, a: Node, **_: Any) -> Node:
    return a


@lower("zeros_like", "new_zeros")
def _zeros_like(g: Graph, a: Node, *_: Any, **__: Any) -> Node:
    return g.zeros(a.shape)


@lower("ones_like")
def _ones_like(g: Graph, a: Node, **_: Any) -> Node:
    return _full_like(g, a, 1.0)


@lower("full_like")
def _full_like(g: Graph, a: Node, fill_value: Operand, **_: Any) -> Node:
    return g.pointwise("add", g.zeros(a.shape), as_node(g, fill_value))


@lower("relu")
def _relu(g: Graph, a: Node, inplace: bool = False) -> Node:
    # a NaN is not "less or equal", so it comes through as in torch
    return g.pointwise("where", g.pointwise("le", a, g.const(0.0)), g.const(0.0), a)


@lower("leaky_relu")
def _leaky_relu(g: Graph, a: Node, negative_slope: float = 0.01, inplace: bool = False) -> Node:
    return _positive_or(g, a, scaled(g, a, negative_slope))


@lower("prelu")
def _prelu(g: Graph, a: Node, weight: Node) -> Node:
    return _positive_or(g, a, g.pointwise("mul", a, weight))


@lower("elu")
def _elu(
    g: Graph,
    a: Node,
    alpha: float = 1.0,
    scale: float = 1.0,
    input_scale: float = 1.0,
    inplace: bool = False,
) -> Node:
    # the exponential of a positive number is never used, but its overflow would reach the gradient
    low = g.pointwise("where", _is_positive(g, a), g.const(0.0), a)
    low = scaled(g, _expm1(g, scaled(g, low, input_scale)), alpha)
    return scaled(g, _positive_or(g, a, low), scale)


@lower("celu")
def _celu(g: Graph, a: Node, alpha: float = 1.0, inplace: bool = False) -> Node:
    return _elu(g, a, alpha, 1.0, 1.0 / alpha)


@lower("selu")
def _selu(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _elu(g, a, 1.6732632423543772, 1.0507009873554805)


@lower("softplus")
def _softplus(g: Graph, a: Node, beta: float = 1.0, threshold: float = 20.0) -> Node:
    return scaled(g, g.pointwise("softplus", scaled(g, a, beta)), 1.0 / beta)


@lower("logsigmoid", "log_sigmoid", "log_sigmoid_forward")
def _logsigmoid(g: Graph, a: Node) -> Node:
    return g.pointwise("neg", g.pointwise("softplus", g.pointwise("neg", a)))


@lower("silu")
def _silu(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, g.pointwise("sigmoid", a))


@lower("mish")
def _mish(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, g.pointwise("tanh", g.pointwise("softplus", a)))


@lower("gelu")
def _gelu(g: Graph, a: Node, approximate: str = "none") -> Node:
    half = scaled(g, a, 0.5)
    if approximate == "tanh":
        cube = g.pointwise("mul", a, g.pointwise("mul", a, a))
        inner = g.pointwise("add", a, scaled(g, cube, 0.044715))
        bend = g.pointwise("tanh", scaled(g, inner, math.sqrt(2 / math.pi)))
    else:
        bend = g.pointwise("erf", scaled(g, a, math.sqrt(0.5)))
    return g.pointwise("mul", half, g.pointwise("add", g.const(1.0), bend))


@lower("hardsigmoid")
def _hardsigmoid(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _hardtanh(g, g.pointwise("add", scaled(g, a, 1 / 6), g.const(0.5)), 0.0, 1.0)


@lower("hardswish")
def _hardswish(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, _hardsigmoid(g, a))


@lower("hardtanh")
def _hardtanh(
    g: Graph, a: Node, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Node:
    # no gradient at the corners themselves, as torch has it (clamp differs)
    low, high = g.const(min_val), g.const(max_val)
    a = g.pointwise("where", g.pointwise("le", a, low), low, a)
    return g.pointwise("where", g.pointwise("ge", a, high), high, a)


@lower("relu6")
def _relu6(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _hardtanh(g, a, 0.0, 6.0)


@lower("clamp", "clip", "clamp_min", "clamp_max")
def clamp(g: Graph, a: Node, min: Operand | None = None, max: Operand | None = None) -> Node:
    if min is not None:
        low = as_node(g, min)
        a = g.pointwise("where", g.pointwise("lt", a, low), low, a)
    if max is not None:
        high = as_node(g, max)
        a = g.pointwise("where", g.pointwise("gt", a, high), high, a)
    return a


LOWERINGS["clamp_max"] = lambda g, a, max: clamp(g, a, None, max)


@lower("threshold")
def _threshold(g: Graph, a: Node, threshold: float, value: float, inplace: bool = False) -> Node:
    return g.pointwise("where", g.pointwise("le", a, g.const(threshold)), g.const(value), a)


@lower("softsign")
def _softsign(g: Graph, a: Node) -> Node:
    return g.pointwise("div", a, g.pointwise("add", g.const(1.0), g.pointwise("abs", a)))


@lower("tanhshrink")
def _tanhshrink(g: Graph, a: Node) -> Node:
    return g.pointwise("sub", a, g.pointwise("tanh", a))


def _is_positive(g: Graph, a: Node) -> Node:
    return g.pointwise("gt", a, g.const(0.0))


def _positive_or(g: Graph, a: Node, otherwise: Node) -> Node:
    return g.pointwise("where", _is_positive(g, a), a, otherwise)
