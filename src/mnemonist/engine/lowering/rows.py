"""What works on a row as a whole: products with weights, reductions, normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.lowering.elementwise import clamp, square
from mnemonist.engine.lowering.table import LOWERINGS, Lowering, last_dim, lower, scaled
from mnemonist.engine.program import Node, Time


@lower("linear")
def _linear(g: Graph, a: Node, weight: Node, bias: Node | None = None) -> Node:
    product = g.linear(a, weight)
    return product if bias is None else g.pointwise("add", product, bias)


@lower("matmul", "mm", "rmatmul")
def _matmul(g: Graph, a: Node, b: Node) -> Node:
    if a.time is not Time.K and b.time is not Time.K:
        raise Unfit("multiplies two tensors that vary in time")
    if b.time is Time.K and len(a.shape) == 1 and len(b.shape) == 2:
        return g.linear(a, _transposed(g, b))
    if b.time is Time.K and len(b.shape) == 3 and a.shape == (b.shape[0], 1, b.shape[1]):
        heads, inputs, outputs = b.shape
        weight = g.call("torch.Tensor.transpose", b, 1, 2, shape=(heads, outputs, inputs))
        product = g.affine("bmm", g.view(a, (heads * inputs,)), weight)
        return g.view(product, (heads, 1, outputs))
    raise Unfit(
        f"a product of {['batch', *a.shape]} with {list(b.shape)}: "
        "only one vector a row times a weight matrix"
    )


@lower("addmm")
def _addmm(g: Graph, bias: Node, a: Node, b: Node, beta: float = 1, alpha: float = 1) -> Node:
    return g.pointwise("add", scaled(g, bias, beta), scaled(g, _matmul(g, a, b), alpha))


@lower("einsum")
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


def _transposed(g: Graph, weight: Node) -> Node:
    """Wᵀ; the transpose of a transpose is the weight itself."""
    if weight.op == "call" and weight.attr[0] in _TRANSPOSES and len(weight.args) == 1:
        return weight.args[0]
    return g.call("torch.t", weight, shape=weight.shape[::-1])


_TRANSPOSES = {"torch.t", "torch.Tensor.t", "torch.Tensor.T.__get__", "torch.Tensor.mT.__get__"}


def _reduction(compute: Lowering) -> Lowering:
    def lowered(
        g: Graph, a: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None
    ) -> Node:
        last_dim(a, dim)
        return _kept(g, compute(g, g.number(a)), keepdim)

    return lowered


def _kept(g: Graph, reduced: Node, keepdim: bool) -> Node:
    return reduced if keepdim else g.view(reduced, reduced.shape[:-1])


@lower("var")
def _variance(
    g: Graph,
    a: Node,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Node:
    last_dim(a, dim)
    freedom = a.width - (float(unbiased) if correction is None else correction)
    variance = scaled(g, g.reduce("sum", square(g, _centred(g, a))), 1.0 / freedom)
    return _kept(g, variance, keepdim)


@lower("std")
def _deviation(g: Graph, a: Node, *args: Any, **kwargs: Any) -> Node:
    return g.pointwise("sqrt", _variance(g, a, *args, **kwargs))


@lower("sum")
def _sum(g: Graph, a: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Node:
    a = g.number(a)
    if not _over_groups(a, dim):
        last_dim(a, dim)
        return _kept(g, g.reduce("sum", a), keepdim)
    groups, width = a.shape
    flat = g.view(a, (groups * width,))
    total = g.slice(flat, 0, width)
    for i in range(1, groups):
        total = g.pointwise("add", total, g.slice(flat, i * width, (i + 1) * width))
    return g.view(total, (1, width)) if keepdim else total


@lower("mean")
def _mean(g: Graph, a: Node, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Node:
    over = a.shape[0] if _over_groups(a, dim) else a.width
    return scaled(g, _sum(g, a, dim, keepdim), 1.0 / over)


def _over_groups(a: Node, dim: Any) -> bool:
    """Whether a dimension is that of the groups of (B, groups, width)."""
    if isinstance(dim, (tuple, list)) and len(dim) == 1:
        dim = dim[0]
    return isinstance(dim, int) and len(a.shape) == 2 and dim % 3 == 1


def _norm2(g: Graph, a: Node) -> Node:
    return g.pointwise("sqrt", g.reduce("sum", g.pointwise("mul", a, a)))


LOWERINGS["amax"] = _reduction(lambda g, a: g.reduce("amax", a))
LOWERINGS["amin"] = _reduction(
    lambda g, a: g.pointwise("neg", g.reduce("amax", g.pointwise("neg", a)))
)


@lower("norm", "vector_norm", "linalg_vector_norm")
def _norm(
    g: Graph, a: Node, p: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any
) -> Node:
    if kwargs.get("ord", p) not in (2, 2.0, "fro"):
        raise Unfit(f"a norm of order {kwargs.get('ord', p)!r}: only 2")
    last_dim(a, dim)
    return _kept(g, _norm2(g, a), keepdim)


@lower("normalize")
def _normalize(g: Graph, a: Node, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Node:
    if p != 2:
        raise Unfit(f"a norm of order {p!r}: only 2")
    last_dim(a, dim)
    return g.pointwise("div", a, clamp(g, _norm2(g, a), eps))


@lower("softmax")
def _softmax(g: Graph, a: Node, dim: Any = None, *_: Any, **__: Any) -> Node:
    last_dim(a, dim)
    powers = g.pointwise("exp", g.pointwise("sub", a, _peak(g, a)))
    return g.pointwise("div", powers, g.reduce("sum", powers))


@lower("logsumexp")
def _logsumexp(g: Graph, a: Node, dim: Any = None, keepdim: bool = False) -> Node:
    last_dim(a, dim)
    peak = _peak(g, a)
    total = g.reduce("sum", g.pointwise("exp", g.pointwise("sub", a, peak)))
    return _kept(g, g.pointwise("add", peak, g.pointwise("log", total)), keepdim)


@lower("log_softmax")
def _log_softmax(g: Graph, a: Node, dim: Any = None, *_: Any, **__: Any) -> Node:
    return g.pointwise("sub", a, _logsumexp(g, a, dim, True))


@lower("layer_norm")
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


@lower("rms_norm")
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


@lower("batch_norm")
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
