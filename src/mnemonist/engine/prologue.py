"""Torch calls on parameters, in a form that can be stored: a function's name and plain arguments.

What a step does with parameters alone (a weight norm, a mask, `1 - sigmoid(self.decay)`) may be
almost any torch function; autograd differentiates it. A program holds such a call by the
function's qualified name, and only functions listed here are ever looked up: they have no
effect but their result, so that a program from a file cannot do anything else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from mnemonist.engine.program import Node

__all__ = [
    "LIKE_INPUT",
    "RANDOM",
    "call_attr",
    "checked_shape",
    "is_allowed",
    "lookup",
    "render_call",
]


class _LikeInput:
    """Stands for the dtype or the device of x in the arguments of a call."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute


LIKE_INPUT: Mapping[str, _LikeInput] = {n: _LikeInput(n) for n in ("dtype", "device")}

_DRAWING = """
    alpha_dropout bernoulli dropout feature_alpha_dropout feature_dropout multinomial normal
    poisson rand rand_like randint randint_like randn randn_like randperm rrelu
"""
RANDOM = frozenset(_DRAWING.split())
"""Functions that draw: in a prologue only as part of a parametrisation, once a sequence."""

_WITHOUT_EFFECT = """
    abs absolute acos acosh add addcdiv addcmul addmm addmv addr alias all amax amin and any
    arange argmax argmin argsort asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_not
    bitwise_or block_diag bmm bool broadcast_tensors broadcast_to cat ceil celu chain_matmul
    cholesky chunk clamp clamp_max clamp_min clip clone column_stack concat concatenate conj
    contiguous copysign cos cosh cross cummax cummin cumprod cumsum deg2rad det detach diag
    diag_embed diagflat diagonal diff div divide dot double einsum elu eq erf erfc erfinv exp
    exp2 expand expand_as expit expm1 eye flatten flip fliplr flipud float float_power floor
    fmod frac full full_like gather ge gelu getitem glu greater greater_equal gt hardshrink
    hardsigmoid hardswish hardtanh householder_product hstack hypot index_select inner inv
    invert isfinite isinf isnan kron le leaky_relu lerp less less_equal lgamma linear linspace
    log log10 log1p log2 log_sigmoid log_softmax logaddexp logcumsumexp logical_and
    logical_not logical_or logical_xor logit logsigmoid logspace logsumexp lt mH mT
    masked_fill matmul matrix_exp matrix_norm matrix_power max maximum mean median min minimum
    mish mm moveaxis movedim mul multi_dot multiply mv nan_to_num narrow ne neg negative
    new_full new_ones new_zeros norm normalize not not_equal ones ones_like or outer
    permute polar positive pow prelu prod qr radd ravel rdiv real reciprocal relu relu6
    remainder repeat repeat_interleave reshape reshape_as rmatmul rmul roll rot90 round rpow
    rsqrt rsub rtruediv scatter select selu sigmoid sign silu sin sinc sinh slice slogdet
    softmax softmin softplus softshrink softsign solve sort split split_with_sizes sqrt square
    squeeze stack std sub subtract sum svd swapaxes swapdims t take take_along_dim tan tanh
    tanhshrink tensor tensordot tensor_split threshold tile to topk trace transpose tril
    tril_indices triu triu_indices true_divide truediv trunc type_as unbind unflatten
    unsqueeze vander var vdot vector_norm view view_as vstack where xlogy xor zeros zeros_like
    T H dropout bernoulli rand rand_like randn randn_like
"""
_FROM_DECOMPOSITION = "_to_copy _unsafe_view _weight_norm scalar_tensor unsafe_chunk unsafe_split"
_PURE = frozenset((_WITHOUT_EFFECT + _FROM_DECOMPOSITION).split())

_NAMESPACES: Mapping[str, Any] = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.functional": torch.functional,
    "torch.linalg": torch.linalg,
    "torch.nn.functional": torch.nn.functional,
    "torch.special": torch.special,
}


def is_allowed(function: str) -> bool:
    """Whether a program may call the function of this qualified name."""
    try:
        lookup(function)
    except LookupError:
        return False
    return True


def lookup(function: str) -> Callable[..., Any]:
    """The function of a qualified name.

    Raises:
        LookupError: it is not one that a program may call.
    """
    space, _, name = function.removesuffix(".__get__").rpartition(".")
    if space.startswith("torch.ops.aten."):
        packet, overload = space.removeprefix("torch.ops.aten."), name
        if packet in _PURE and hasattr(torch.ops.aten, packet):
            found = getattr(getattr(torch.ops.aten, packet), overload, None)
            if isinstance(found, torch._ops.OpOverload) and not found._schema.is_mutable:
                return found
        raise LookupError(function)
    dunder = name.startswith("__") and name.endswith("__")
    plain = name[2:-2] if dunder else name
    found = getattr(_NAMESPACES.get(space), name, None) if plain in _PURE else None
    if found is None:
        raise LookupError(function)
    return found.__get__ if function.endswith(".__get__") else found


def call_attr(
    function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[str, str], tuple[Node, ...]]:
    """A call as a node's attributes, and the nodes among its arguments in order.

    Raises:
        TypeError: an argument that cannot be stored.
    """
    operands: list[Node] = []
    template = {
        "args": [_encode(a, operands) for a in args],
        "kwargs": {name: _encode(a, operands) for name, a in kwargs.items()},
    }
    return (function, json.dumps(template, separators=(",", ":"))), tuple(operands)


def _encode(value: Any, operands: list[Node]) -> Any:
    from mnemonist.engine.program import Node

    match value:
        case Node():
            operands.append(value)
            return {"node": len(operands) - 1}
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        case tuple():
            return {"tuple": [_encode(v, operands) for v in value]}
        case list():
            return [_encode(v, operands) for v in value]
        case slice():
            return {"slice": [value.start, value.stop, value.step]}
        case _LikeInput():
            return {"like": value.attribute}
        case torch.dtype():
            return {"dtype": str(value).removeprefix("torch.")}
        case _ if value is Ellipsis:
            return {"ellipsis": True}
    raise TypeError(f"an argument of type {type(value).__name__}")


def render_call(attr: tuple[str, str], function: str, operands: Sequence[str], like: str) -> str:
    """The call as a Python expression, for code that an executor generates.

    Args:
        attr: the attributes of a ``call`` node.
        function: the variable that holds the function.
        operands: the variables that hold the operands.
        like: the variable that holds x.

    Raises:
        ValueError: the attributes are not what `call_attr` makes.
    """
    template = json.loads(attr[1])
    args = [_render(a, operands, like) for a in template["args"]]
    named = ", ".join(f"{n!r}: {_render(v, operands, like)}" for n, v in template["kwargs"].items())
    if named:
        args.append(f"**{{{named}}}")
    return f"{function}({', '.join(args)})"


def _render(value: Any, operands: Sequence[str], like: str) -> str:
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_render(v, operands, like) for v in value)}]"
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"no argument of a call: {value!r}")
    ((kind, content),) = value.items()
    if kind == "node" and isinstance(content, int) and 0 <= content < len(operands):
        return operands[content]
    if kind == "tuple" and isinstance(content, list):
        return f"({''.join(_render(v, operands, like) + ', ' for v in content)})"
    if kind == "slice" and isinstance(content, list) and len(content) == 3:
        return f"slice({', '.join(_render(v, operands, like) for v in content)})"
    if kind == "float" and content in ("inf", "-inf", "nan"):
        return f"float({content!r})"
    if kind == "like" and content in LIKE_INPUT:
        return f"{like}.{content}"
    if kind == "dtype" and isinstance(getattr(torch, str(content), None), torch.dtype):
        return f"torch.{content}"
    if kind == "ellipsis":
        return "..."
    raise ValueError(f"no argument of a call: {value!r}")


def checked_shape(node: Node, item: int | None = None) -> tuple[int, ...] | None:
    """The shape that a call on parameters gives, worked out without computing it.

    None for a call that gives several tensors, of which `item` names one.

    Raises:
        ValueError: it gives no tensor, or names a device.
        RuntimeError: torch refuses the arguments.
    """
    if '"device":"' in node.attr[1]:
        raise ValueError("a call that names a device")
    space: dict[str, Any] = {"torch": torch, "function": lookup(node.attr[0])}
    operands = []
    for i, operand in enumerate(node.args):
        dtype = torch.bool if operand.logical else torch.float32
        space[f"a{i}"] = torch.empty(operand.shape, dtype=dtype, device="meta")
        operands.append(f"a{i}")
    space["x"] = torch.empty(0, device="meta")
    code = render_call(node.attr, "function", operands, "x")
    with torch.device("meta"), torch.no_grad():
        result = eval(code, space)
    if item is None and isinstance(result, (tuple, list)):
        return None
    result = result if item is None else result[item]
    if not isinstance(result, torch.Tensor):
        raise ValueError("a call that gives no tensor")
    return tuple(result.shape)
