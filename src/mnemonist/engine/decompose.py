"""Functions without a lowering of their own, taken apart into ones that have.

``torch.nn.functional.normalize`` or a whole ``nn.GRUCell`` inside a step is one call to the
recorder. `make_fx` runs it once more and tells its basic (aten) operations, which are then
lowered one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.lowering import LOWERINGS, last_dim
from mnemonist.engine.program import Node, Time
from mnemonist.engine.prologue import RANDOM, is_allowed

__all__ = ["decompose"]

_RESHAPES = frozenset(
    ["view", "unsafe_view", "reshape", "unsqueeze", "squeeze", "flatten", "unflatten"]
)
_IGNORED = ("dtype", "memory_format", "device", "layout", "pin_memory")


def decompose(
    graph: Graph,
    function: Callable,
    args: tuple,
    kwargs: dict,
    node_of: Callable[[Tensor], Node],
    rows: int,
) -> Any:
    """The node, or nodes, of a call, through its basic operations.

    Raises:
        Unfit: one of them has no program form.
    """
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    tensors = list(_leaves((args, kwargs), Tensor))

    def replay(*values: Tensor) -> Any:
        given = iter(values)
        return function(
            *_mapped(args, Tensor, lambda _: next(given)),
            **_mapped(kwargs, Tensor, lambda _: next(given)),
        )

    try:
        table = dict(core_aten_decompositions())
        traced = make_fx(replay, decomposition_table=table)(*(t.detach() for t in tensors))
    except Exception as error:
        raise Unfit(f"has no program form ({type(error).__name__} on taking it apart)") from None
    placeholders = [q for q in traced.graph.nodes if q.op == "placeholder"]
    values: dict[str, Any] = {
        q.name: node_of(t) for q, t in zip(placeholders, tensors, strict=True)
    }
    for step in traced.graph.nodes:
        if step.op == "placeholder":
            continue
        given = _mapped(step.args, torch.fx.Node, lambda q: values[q.name])
        if step.op == "output":
            return tuple(given[0]) if isinstance(given[0], list) else given[0]
        if step.op != "call_function":
            raise Unfit("has no program form (it holds a tensor of its own)")
        named = _mapped(step.kwargs, torch.fx.Node, lambda q: values[q.name])
        values[step.name] = _lowered(graph, step, given, named, rows)
    raise AssertionError("a traced graph ends with its output")


def _lowered(graph: Graph, step: torch.fx.Node, args: Any, kwargs: dict, rows: int) -> Any:
    target = step.target
    name = getattr(target, "__name__", str(target)).partition(".")[0].strip("_")
    if name == "getitem" and isinstance(args[0], tuple):
        return args[0][args[1]]
    operands = list(_leaves((args, kwargs), Node))
    if name in RANDOM:
        raise Unfit("draws random numbers inside the step: declare a mask as an extra")
    if all(n.time is Time.K for n in operands):
        return _constant(graph, step, args, kwargs)
    value = step.meta.get("val")
    if name in _RESHAPES:
        if not isinstance(value, Tensor) or value.shape[:1] != (rows,):
            raise Unfit(f"moves the batch out of dimension 0 ({name} inside)")
        return graph.view(args[0], tuple(value.shape[1:]))
    if name == "expand":
        return graph.expand(args[0], args[1][-1]) if args[1][-1] > 0 else args[0]
    if name == "slice":
        return _slice(graph, *args)
    named = {k: v for k, v in kwargs.items() if k not in _IGNORED}
    if name not in LOWERINGS:
        raise Unfit(f"has no program form (it needs aten::{name})")
    try:
        return LOWERINGS[name](graph, *args, **named)
    except TypeError:
        raise Unfit(f"has no program form (it needs aten::{name} in an unusual form)") from None


def _constant(graph: Graph, step: torch.fx.Node, args: Any, kwargs: dict) -> Node:
    value = step.meta.get("val")
    qualified = f"torch.ops.{step.target}" if "aten." in str(step.target) else str(step.target)
    if not isinstance(value, Tensor) or not is_allowed(qualified):
        raise Unfit(f"has no program form (it needs {qualified} of constants)")
    named = {k: v for k, v in kwargs.items() if k not in _IGNORED}
    try:
        return graph.call(
            qualified, *args, shape=value.shape, logical=value.dtype == torch.bool, **named
        )
    except TypeError as error:
        raise Unfit(f"cannot be stored: {error}") from None


def _slice(
    graph: Graph, node: Node, dim: int = 0, start: int | None = None, stop: int | None = None
) -> Node:
    if dim % (len(node.shape) + 1) == 0 and not start:
        return node
    last_dim(node, dim)
    first, last, _ = slice(start, stop).indices(node.width)
    return graph.slice(node, first, last)


def _leaves(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _leaves(part, kind)
    elif isinstance(value, dict):
        yield from _leaves(tuple(value.values()), kind)


def _mapped(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_mapped(v, kind, change) for v in value)
    if isinstance(value, dict):
        return {k: _mapped(v, kind, change) for k, v in value.items()}
    return value
