"""From torch's names to program operations: what each function means for one row of a batch.

A lowering takes the graph and the call's arguments, tensors already as nodes, and returns the
node (or nodes) of the result. It raises `Unfit` where the program form has no such thing.
Derivatives decide some choices: where torch passes the gradient at a tie or at a corner, so
must the operation chosen here (`relu` is a ``where`` and not a ``max``, which halves it).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.program import Node, Time

__all__ = ["LOWERINGS", "last_dim"]

Operand = Node | float
Lowering = Callable[..., Any]
LOWERINGS: dict[str, Lowering] = {}


def _lower(*names: str) -> Callable[[Lowering], Lowering]:
    def register(function: Lowering) -> Lowering:
        for name in names:
            LOWERINGS[name] = function
        return function

    return register


def as_node(g: Graph, value: Any) -> Node:
    """A number as a node."""
    if isinstance(value, Node):
        return value
    if isinstance(value, (bool, int, float)):
        return g.const(value)
    raise Unfit(f"an operand of type {type(value).__name__}")


def last_dim(node: Node, dim: Any) -> None:
    """Accept only the last dimension.

    Raises:
        Unfit: another one, or none: the batch would be mixed.
    """
    rank = len(node.shape) + 1
    if isinstance(dim, (tuple, list)) and len(dim) == 1:
        dim = dim[0]
    if dim is None:
        raise Unfit("works on the whole tensor, the rows of the batch together; name dim=-1")
    if not isinstance(dim, int) or dim % rank == 0:
        raise Unfit("mixes the rows of the batch (dimension 0)")
    if dim % rank != rank - 1:
        raise Unfit(f"works on dimension {dim}; only the last one can be reduced, split or joined")


# Elementwise ------------------------------------------------------------------------------------

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


@_lower("logical_not", "bitwise_not", "invert", "not")
def _not(g: Graph, a: Node) -> Node:
    return g.pointwise("not", a)


@_lower("logical_xor", "bitwise_xor", "xor")
def _xor(g: Graph, a: Node, b: Node) -> Node:
    return g.pointwise("ne", a, b)


@_lower("add", "radd")
def _add(g: Graph, a: Operand, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("add", as_node(g, a), _scaled(g, as_node(g, b), alpha))


@_lower("sub", "subtract")
def _sub(g: Graph, a: Operand, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("sub", as_node(g, a), _scaled(g, as_node(g, b), alpha))


@_lower("rsub")
def _rsub(g: Graph, a: Node, b: Operand, alpha: float = 1) -> Node:
    return g.pointwise("sub", as_node(g, b), _scaled(g, a, alpha))


@_lower("rdiv", "rtruediv")
def _rdiv(g: Graph, a: Node, b: Operand) -> Node:
    return g.pointwise("div", as_node(g, b), a)


@_lower("div", "divide", "true_divide", "truediv")
def _div(g: Graph, a: Operand, b: Operand, rounding_mode: str | None = None) -> Node:
    quotient = g.pointwise("div", as_node(g, a), as_node(g, b))
    if rounding_mode == "floor":
        return g.pointwise("floor", quotient)
    if rounding_mode is not None:
        raise Unfit(f"rounding_mode={rounding_mode!r}")
    return quotient


@_lower("rpow")
def _rpow(g: Graph, a: Node, base: Operand) -> Node:
    if isinstance(base, (int, float)) and base > 0:
        return g.pointwise("exp", g.pointwise("mul", a, g.const(math.log(base))))
    raise Unfit(f"a power of {base!r}: only positive numbers")


@_lower("addcmul")
def _addcmul(g: Graph, a: Node, b: Node, c: Node, value: float = 1) -> Node:
    return g.pointwise("add", a, _scaled(g, g.pointwise("mul", b, c), value))


@_lower("addcdiv")
def _addcdiv(g: Graph, a: Node, b: Node, c: Node, value: float = 1) -> Node:
    return g.pointwise("add", a, _scaled(g, g.pointwise("div", b, c), value))


@_lower("lerp")
def _lerp(g: Graph, a: Node, b: Node, weight: Operand) -> Node:
    return g.pointwise("add", a, g.pointwise("mul", as_node(g, weight), g.pointwise("sub", b, a)))


@_lower("where")
def _where(g: Graph, condition: Node, a: Operand, b: Operand) -> Node:
    return g.pointwise("where", condition, as_node(g, a), as_node(g, b))


@_lower("masked_fill")
def _masked_fill(g: Graph, a: Node, mask: Node, value: Operand) -> Node:
    return g.pointwise("where", mask, as_node(g, value), a)


@_lower("square")
def _square(g: Graph, a: Node) -> Node:
    return g.pointwise("mul", a, a)


@_lower("reciprocal")
def _reciprocal(g: Graph, a: Node) -> Node:
    return g.pointwise("div", g.const(1.0), a)


@_lower("exp2")
def _exp2(g: Graph, a: Node) -> Node:
    return _rpow(g, a, 2.0)


@_lower("expm1")
def _expm1(g: Graph, a: Node) -> Node:
    return g.pointwise("sub", g.pointwise("exp", a), g.const(1.0))


@_lower("log1p")
def _log1p(g: Graph, a: Node) -> Node:
    return g.pointwise("log", g.pointwise("add", a, g.const(1.0)))


@_lower("log2")
def _log2(g: Graph, a: Node) -> Node:
    return _scaled(g, g.pointwise("log", a), 1 / math.log(2))


@_lower("log10")
def _log10(g: Graph, a: Node) -> Node:
    return _scaled(g, g.pointwise("log", a), 1 / math.log(10))


@_lower("tan")
def _tan(g: Graph, a: Node) -> Node:
    return g.pointwise("div", g.pointwise("sin", a), g.pointwise("cos", a))


@_lower("detach", "data")
def _detach(g: Graph, a: Node) -> Node:
    return g.pointwise("stop", a)


@_lower("clone", "contiguous", "alias", "positive", "requires_grad_", "real", "lift_fresh_copy")
def _same(g: Graph, a: Node, **_: Any) -> Node:
    return a


@_lower("zeros_like", "new_zeros")
def _zeros_like(g: Graph, a: Node, *_: Any, **__: Any) -> Node:
    return g.zeros(a.shape)


@_lower("ones_like")
def _ones_like(g: Graph, a: Node, **_: Any) -> Node:
    return _full_like(g, a, 1.0)


@_lower("full_like")
def _full_like(g: Graph, a: Node, fill_value: Operand, **_: Any) -> Node:
    return g.pointwise("add", g.zeros(a.shape), as_node(g, fill_value))


# Activations ------------------------------------------------------------------------------------


@_lower("relu")
def _relu(g: Graph, a: Node, inplace: bool = False) -> Node:
    # a NaN is not "less or equal", so it comes through as in torch
    return g.pointwise("where", g.pointwise("le", a, g.const(0.0)), g.const(0.0), a)


@_lower("leaky_relu")
def _leaky_relu(g: Graph, a: Node, negative_slope: float = 0.01, inplace: bool = False) -> Node:
    return _positive_or(g, a, _scaled(g, a, negative_slope))


@_lower("prelu")
def _prelu(g: Graph, a: Node, weight: Node) -> Node:
    return _positive_or(g, a, g.pointwise("mul", a, weight))


@_lower("elu")
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
    low = _scaled(g, _expm1(g, _scaled(g, low, input_scale)), alpha)
    return _scaled(g, _positive_or(g, a, low), scale)


@_lower("celu")
def _celu(g: Graph, a: Node, alpha: float = 1.0, inplace: bool = False) -> Node:
    return _elu(g, a, alpha, 1.0, 1.0 / alpha)


@_lower("selu")
def _selu(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _elu(g, a, 1.6732632423543772, 1.0507009873554805)


@_lower("softplus")
def _softplus(g: Graph, a: Node, beta: float = 1.0, threshold: float = 20.0) -> Node:
    return _scaled(g, g.pointwise("softplus", _scaled(g, a, beta)), 1.0 / beta)


@_lower("logsigmoid", "log_sigmoid", "log_sigmoid_forward")
def _logsigmoid(g: Graph, a: Node) -> Node:
    return g.pointwise("neg", g.pointwise("softplus", g.pointwise("neg", a)))


@_lower("silu")
def _silu(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, g.pointwise("sigmoid", a))


@_lower("mish")
def _mish(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, g.pointwise("tanh", g.pointwise("softplus", a)))


@_lower("gelu")
def _gelu(g: Graph, a: Node, approximate: str = "none") -> Node:
    half = _scaled(g, a, 0.5)
    if approximate == "tanh":
        cube = g.pointwise("mul", a, g.pointwise("mul", a, a))
        inner = g.pointwise("add", a, _scaled(g, cube, 0.044715))
        bend = g.pointwise("tanh", _scaled(g, inner, math.sqrt(2 / math.pi)))
    else:
        bend = g.pointwise("erf", _scaled(g, a, math.sqrt(0.5)))
    return g.pointwise("mul", half, g.pointwise("add", g.const(1.0), bend))


@_lower("hardsigmoid")
def _hardsigmoid(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _hardtanh(g, g.pointwise("add", _scaled(g, a, 1 / 6), g.const(0.5)), 0.0, 1.0)


@_lower("hardswish")
def _hardswish(g: Graph, a: Node, inplace: bool = False) -> Node:
    return g.pointwise("mul", a, _hardsigmoid(g, a))


@_lower("hardtanh")
def _hardtanh(
    g: Graph, a: Node, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Node:
    # no gradient at the corners themselves, as torch has it (clamp differs)
    low, high = g.const(min_val), g.const(max_val)
    a = g.pointwise("where", g.pointwise("le", a, low), low, a)
    return g.pointwise("where", g.pointwise("ge", a, high), high, a)


@_lower("relu6")
def _relu6(g: Graph, a: Node, inplace: bool = False) -> Node:
    return _hardtanh(g, a, 0.0, 6.0)


@_lower("clamp", "clip", "clamp_min", "clamp_max")
def _clamp(g: Graph, a: Node, min: Operand | None = None, max: Operand | None = None) -> Node:
    if min is not None:
        low = as_node(g, min)
        a = g.pointwise("where", g.pointwise("lt", a, low), low, a)
    if max is not None:
        high = as_node(g, max)
        a = g.pointwise("where", g.pointwise("gt", a, high), high, a)
    return a


LOWERINGS["clamp_max"] = lambda g, a, max: _clamp(g, a, None, max)


@_lower("threshold")
def _threshold(g: Graph, a: Node, threshold: float, value: float, inplace: bool = False) -> Node:
    return g.pointwise("where", g.pointwise("le", a, g.const(threshold)), g.const(value), a)


@_lower("softsign")
def _softsign(g: Graph, a: Node) -> Node:
    return g.pointwise("div", a, g.pointwise("add", g.const(1.0), g.pointwise("abs", a)))


@_lower("tanhshrink")
def _tanhshrink(g: Graph, a: Node) -> Node:
    return g.pointwise("sub", a, g.pointwise("tanh", a))


def _scaled(g: Graph, a: Node, factor: float) -> Node:
    return g.pointwise("mul", a, g.const(float(factor)))


def _is_positive(g: Graph, a: Node) -> Node:
    return g.pointwise("gt", a, g.const(0.0))


def _positive_or(g: Graph, a: Node, otherwise: Node) -> Node:
    return g.pointwise("where", _is_positive(g, a), a, otherwise)


# Products ---------------------------------------------------------------------------------------


@_lower("linear")
def _linear(g: Graph, a: Node, weight: Node, bias: Node | None = None) -> Node:
    product = g.linear(a, weight)
    return product if bias is None else g.pointwise("add", product, bias)


@_lower("matmul", "mm", "rmatmul")
def _matmul(g: Graph, a: Node, b: Node) -> Node:
    if a.time is not Time.K and b.time is not Time.K:
        raise Unfit("multiplies two tensors that vary in time")
    if b.time is Time.K and len(a.shape) == 1 and len(b.shape) == 2:
        return g.linear(a, transposed(g, b))
    if b.time is Time.K and len(b.shape) == 3 and a.shape == (b.shape[0], 1, b.shape[1]):
        heads, inputs, outputs = b.shape
        weight = g.call("torch.Tensor.transpose", b, 1, 2, shape=(heads, outputs, inputs))
        product = g.affine("bmm", g.view(a, (heads * inputs,)), weight)
        return g.view(product, (heads, 1, outputs))
    raise Unfit(
        f"a product of {['batch', *a.shape]} with {list(b.shape)}: "
        "only one vector a row times a weight matrix"
    )


@_lower("addmm")
def _addmm(g: Graph, bias: Node, a: Node, b: Node, beta: float = 1, alpha: float = 1) -> Node:
    return g.pointwise("add", _scaled(g, bias, beta), _scaled(g, _matmul(g, a, b), alpha))


@_lower("einsum")
def _einsum(g: Graph, equation: str, *operands: Any) -> Node:
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    given, _, result = equation.replace(" ", "").replace("...", "B").partition("->")
    terms = given.split(",")
    if len(terms) != 2 or not result or {o.time is Time.K for o in operands} != {True, False}:
        raise Unfit(f"{equation!r}: only one tensor a row with one weight")
    if operands[0].time is Time.K:
        terms, operands = terms[::-1], operands[::-1]
    (row, weight_axes), (a, weight) = terms, operands
    groups = row[1:-1]  # B, then groups, then the contracted axis
    contracted, made = row[-1], [x for x in weight_axes if x not in row]
    if (
        len(row) != len(a.shape) + 1
        or result != row[0] + groups + "".join(made)
        or len(made) != 1
        or len(groups) > 1
        or contracted not in weight_axes
        or set(weight_axes) - set(groups) != {contracted, made[0]}
    ):
        raise Unfit(f"{equation!r}: only one vector a row (or one a group) times a weight")
    order = [weight_axes.index(x) for x in (*groups, made[0], contracted) if x in weight_axes]
    shape = tuple(weight.shape[i] for i in order)
    if order != sorted(order):
        weight = g.call("torch.permute", weight, order, shape=shape)
    if not groups:
        return g.linear(a, weight)
    if len(shape) == 2:  # one matrix for all groups
        shape = (a.shape[0], *shape)
        weight = g.call("torch.Tensor.expand", weight, *shape, shape=shape)
    product = g.affine("bmm", g.view(a, (a.shape[0] * a.shape[1],)), weight)
    return g.view(product, shape[:2])


def transposed(g: Graph, weight: Node) -> Node:
    """Wᵀ; the transpose of a transpose is the weight itself."""
    if weight.op == "call" and weight.attr[0] in _TRANSPOSES and len(weight.args) == 1:
        return weight.args[0]
    return g.call("torch.t", weight, shape=weight.shape[::-1])


_TRANSPOSES = {"torch.t", "torch.Tensor.t", "torch.Tensor.T.__get__", "torch.Tensor.mT.__get__"}

# Reductions -------------------------------------------------------------------------------------


def _reduction(compute: Lowering) -> Lowering:
    def lowered(
        g: Graph, a: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None, **kwargs: Any
    ) -> Node:
        last_dim(a, dim)
        return _kept(g, compute(g, g.number(a), **kwargs), keepdim)

    return lowered


def _kept(g: Graph, reduced: Node, keepdim: bool) -> Node:
    return reduced if keepdim else g.view(reduced, reduced.shape[:-1])


def _variance(g: Graph, a: Node, unbiased: bool = True, correction: float | None = None) -> Node:
    freedom = a.width - (float(unbiased) if correction is None else correction)
    return _scaled(g, g.reduce("sum", _square(g, _centred(g, a))), 1.0 / freedom)


def _norm2(g: Graph, a: Node) -> Node:
    return g.pointwise("sqrt", g.reduce("sum", g.pointwise("mul", a, a)))


LOWERINGS["sum"] = _reduction(lambda g, a: g.reduce("sum", a))
LOWERINGS["mean"] = _reduction(lambda g, a: g.mean(a))
LOWERINGS["amax"] = _reduction(lambda g, a: g.reduce("amax", a))
LOWERINGS["amin"] = _reduction(
    lambda g, a: g.pointwise("neg", g.reduce("amax", g.pointwise("neg", a)))
)
LOWERINGS["var"] = _reduction(_variance)
LOWERINGS["std"] = _reduction(lambda g, a, **k: g.pointwise("sqrt", _variance(g, a, **k)))


@_lower("norm", "vector_norm", "linalg_vector_norm")
def _norm(
    g: Graph, a: Node, p: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any
) -> Node:
    if kwargs.get("ord", p) not in (2, 2.0, "fro"):
        raise Unfit(f"a norm of order {kwargs.get('ord', p)!r}: only 2")
    last_dim(a, dim)
    return _kept(g, _norm2(g, a), keepdim)


@_lower("normalize")
def _normalize(g: Graph, a: Node, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Node:
    if p != 2:
        raise Unfit(f"a norm of order {p!r}: only 2")
    last_dim(a, dim)
    return g.pointwise("div", a, _clamp(g, _norm2(g, a), eps))


@_lower("softmax")
def _softmax(g: Graph, a: Node, dim: Any = None, *_: Any, **__: Any) -> Node:
    last_dim(a, dim)
    powers = g.pointwise("exp", g.pointwise("sub", a, _peak(g, a)))
    return g.pointwise("div", powers, g.reduce("sum", powers))


@_lower("logsumexp")
def _logsumexp(g: Graph, a: Node, dim: Any = None, keepdim: bool = False) -> Node:
    last_dim(a, dim)
    peak = _peak(g, a)
    total = g.reduce("sum", g.pointwise("exp", g.pointwise("sub", a, peak)))
    return _kept(g, g.pointwise("add", peak, g.pointwise("log", total)), keepdim)


@_lower("log_softmax")
def _log_softmax(g: Graph, a: Node, dim: Any = None, *_: Any, **__: Any) -> Node:
    return g.pointwise("sub", a, _logsumexp(g, a, dim, True))


@_lower("layer_norm")
def _layer_norm(
    g: Graph,
    a: Node,
    normalized_shape: Sequence[int],
    weight: Node | None = None,
    bias: Node | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Node:
    if len(normalized_shape) != 1:
        raise Unfit("layer_norm over more than the last dimension")
    centred = _centred(g, a)
    variance = g.mean(g.pointwise("mul", centred, centred))
    scale = g.pointwise("rsqrt", g.pointwise("add", variance, g.const(eps)))
    return _scale_and_shift(g, g.pointwise("mul", centred, scale), weight, bias)


@_lower("rms_norm")
def _rms_norm(
    g: Graph,
    a: Node,
    normalized_shape: Sequence[int],
    weight: Node | None = None,
    eps: float | None = None,
) -> Node:
    if len(normalized_shape) != 1 or eps is None:
        raise Unfit("rms_norm needs one dimension and a given eps (torch's default is the dtype's)")
    power = g.mean(g.pointwise("mul", a, a))
    scale = g.pointwise("rsqrt", g.pointwise("add", power, g.const(eps)))
    return _scale_and_shift(g, g.pointwise("mul", a, scale), weight, None)


@_lower("batch_norm")
def _batch_norm(
    g: Graph,
    a: Node,
    running_mean: Node | None,
    running_var: Node | None,
    weight: Node | None = None,
    bias: Node | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Node:
    if training or running_mean is None or running_var is None or len(a.shape) != 1:
        raise Unfit("couples the rows of the batch through its statistics")
    scale = g.pointwise("rsqrt", g.pointwise("add", running_var, g.const(eps)))
    normal = g.pointwise("mul", g.pointwise("sub", a, running_mean), scale)
    return _scale_and_shift(g, normal, weight, bias)


def _peak(g: Graph, a: Node) -> Node:
    """The row's maximum as a constant: it cancels, so no gradient flows through it."""
    return g.pointwise("stop", g.reduce("amax", a))


def _centred(g: Graph, a: Node) -> Node:
    return g.pointwise("sub", a, g.mean(a))


def _scale_and_shift(g: Graph, a: Node, weight: Node | None, bias: Node | None) -> Node:
    if weight is not None:
        a = g.pointwise("mul", a, weight)
    return a if bias is None else g.pointwise("add", a, bias)


# Structure --------------------------------------------------------------------------------------


@_lower("chunk", "unsafe_chunk")
def _chunk(g: Graph, a: Node, chunks: int, dim: int = 0) -> tuple[Node, ...]:
    last_dim(a, dim)
    return _split(g, a, -(-a.width // chunks), -1)


@_lower("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes")
def _split(g: Graph, a: Node, sizes: int | Sequence[int], dim: int = 0) -> tuple[Node, ...]:
    last_dim(a, dim)
    if isinstance(sizes, int):
        stops = [min(i + sizes, a.width) for i in range(0, a.width, sizes)]
    else:
        stops = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return tuple(g.slice(a, i, j) for i, j in zip([0, *stops], stops))


@_lower("cat", "concat", "concatenate")
def _cat(g: Graph, tensors: Sequence[Node], dim: int = 0, axis: int | None = None) -> Node:
    first = next(t for t in tensors if t.time is not Time.K)
    last_dim(first, dim if axis is None else axis)
    if any(len(t.shape) != len(first.shape) or t.time is Time.K for t in tensors):
        raise Unfit("joins a constant with rows: expand it from x or a state (expand_as)")
    return g.cat(tensors)


@_lower("stack")
def _stack(g: Graph, tensors: Sequence[Node], dim: int = 0) -> Node:
    first, rank = tensors[0], len(tensors[0].shape) + 2
    if dim % rank == 0:
        raise Unfit("puts a new dimension before the batch")
    if len(first.shape) != 1 or any(t.shape != first.shape or t.time is Time.K for t in tensors):
        raise Unfit("stacks other than vectors of one width")
    if dim % rank == 1:
        return g.view(g.cat(tensors), (len(tensors), first.width))
    raise Unfit("interleaves vectors; stack along dimension 1")


@_lower("unbind")
def _unbind(g: Graph, a: Node, dim: int = 0) -> tuple[Node, ...]:
    rank = len(a.shape) + 1
    if dim % rank == 1 and len(a.shape) == 2:
        flat, width = g.view(a, (a.shape[0] * a.shape[1],)), a.shape[1]
        return tuple(g.slice(flat, i * width, (i + 1) * width) for i in range(a.shape[0]))
    last_dim(a, dim)
    return tuple(g.view(g.slice(a, i, i + 1), a.shape[:-1]) for i in range(a.width))


@_lower("glu")
def _glu(g: Graph, a: Node, dim: int = -1) -> Node:
    left, right = _chunk(g, a, 2, dim)
    return g.pointwise("mul", left, g.pointwise("sigmoid", right))


@_lower("getitem")
def _getitem(g: Graph, a: Node, index: Any) -> Node:
    index = index if isinstance(index, tuple) else (index,)
    rank = len(a.shape) + 1
    if any(isinstance(i, Node) for i in index):
        raise Unfit("indexes by a tensor")
    if Ellipsis in index:
        gap = index.index(Ellipsis)
        filling = (slice(None),) * (rank - sum(i is not None for i in index) + 1)
        index = index[:gap] + filling + index[gap + 1 :]
    index = index + (slice(None),) * (rank - sum(i is not None for i in index))
    if index == (*(slice(None),) * rank, None):
        return g.view(a, (*a.shape, 1))
    if len(index) != rank or index[0] != slice(None):
        raise Unfit("picks rows of the batch, or adds dimensions inside")
    if len(a.shape) == 2 and isinstance(index[1], int) and index[2] == slice(None):
        flat, width, at = g.view(a, (a.shape[0] * a.width,)), a.width, index[1] % a.shape[0]
        return g.slice(flat, at * width, (at + 1) * width)
    if any(i != slice(None) for i in index[:-1]) or not isinstance(index[-1], (slice, int)):
        raise Unfit("only slices of the last dimension can be taken")
    if isinstance(index[-1], int):
        at = index[-1] % a.width
        return g.view(g.slice(a, at, at + 1), a.shape[:-1])
    start, stop, step = index[-1].indices(a.width)
    if step != 1 or stop <= start:
        raise Unfit("a slice with a step, or an empty one")
    return g.slice(a, start, stop)


@_lower("narrow")
def _narrow(g: Graph, a: Node, dim: int, start: int, length: int) -> Node:
    last_dim(a, dim)
    return g.slice(a, start % max(a.width, 1), start % max(a.width, 1) + length)


@_lower("select")
def _select(g: Graph, a: Node, dim: int, index: int) -> Node:
    last_dim(a, dim)
    at = index % a.width
    return g.view(g.slice(a, at, at + 1), a.shape[:-1])


@_lower("expand_as")
def _expand_as(g: Graph, a: Node, other: Node) -> Node:
    return g.pointwise("add", g.zeros(other.shape), a)
