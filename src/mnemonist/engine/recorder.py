"""Writing down what a step does: every torch function that runs, as nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from mnemonist.engine.contract import CellLike
from mnemonist.engine.decompose import decompose
from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.lines import inside_parametrization, location, running_step
from mnemonist.engine.lowering import LOWERINGS, as_node
from mnemonist.engine.program import Node, Time
from mnemonist.engine.prologue import LIKE_INPUT, RANDOM, is_allowed
from mnemonist.errors import CellError, UnrepresentableError

__all__ = ["READING", "Recorder", "reads_value", "tensors_in"]


_READS_VALUE = frozenset(
    [
        *("__bool__", "__float__", "__int__", "__index__", "__complex__", "__array__"),
        *("__contains__", "item", "tolist", "numpy", "equal", "allclose", "is_nonzero"),
    ]
)
READING = (
    "Python decides by a tensor's value (it reads a value out of the tensor); a program has no "
    "such choice: write it as torch.where"
)
_REFUSED = {
    **dict.fromkeys(
        ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"],
        "has no program form (it combines the elements of a row in order)",
    ),
    **dict.fromkeys(
        ["flip", "roll", "sort", "argsort", "topk", "gather", "scatter", "index_select"],
        "has no program form (it moves the elements of a row)",
    ),
    **dict.fromkeys(["t", "T", "mT"], "moves the batch out of dimension 0"),
}
_DRAWS = (
    "draws random numbers inside the step: declare a mask as an extra "
    "(extra_sizes and draw_extras), which is drawn once a sequence"
)
_INPLACE = "changes a tensor in place; write the result to a new name"
_VIEWS = frozenset(
    ["view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"]
)
_EXPANDS = frozenset(["expand", "broadcast_to"])
_CASTS = frozenset(
    ["to", "type", "type_as", "float", "double", "half", "bfloat16", "bool", "long", "int", "short"]
)
_FACTORIES = {
    "new_zeros": 0.0,
    "new_ones": 1.0,
    "zeros": 0.0,
    "ones": 1.0,
    "new_full": None,
    "full": None,
}


class Recorder(TorchFunctionMode):
    """Writes down every torch function that runs under it as nodes of a graph."""

    def __init__(self, cell: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.graph = Graph()
        self.x, self.rows = x, x.shape[0]
        self._nodes: dict[int, Node] = {}
        self._kept: list[Tensor] = []  # an id names a tensor only as long as it lives
        self._free: set[Node] = set()  # constants that no parameter is behind
        for kind, tensors in (
            ("parameter", cell.named_parameters()),
            ("buffer", cell.named_buffers()),
        ):
            for name, value in tensors:
                logical = value.dtype == torch.bool
                self.bind(value, self.graph.leaf(name, value.shape, kind, logical=logical))

    def bind(self, value: Tensor, node: Node) -> None:
        """Let a tensor stand for a node."""
        self._nodes[id(value)] = node
        self._kept.append(value)

    def input(self, name: str, value: Tensor) -> Node:
        logical = value.dtype == torch.bool
        return self.graph.node("input", (), (name,), value.shape[1:], time=Time.X, logical=logical)

    def results(self, cell: CellLike, returned: Any) -> dict[str, Node]:
        """The nodes that a step returned, by name."""
        returned = returned if isinstance(returned, tuple) else (returned,)
        widths = {**cell.state_sizes, **cell.output_sizes}
        if len(returned) != len(widths):
            raise CellError(
                f"{type(cell).__name__}.step returned {len(returned)} value(s), but the cell "
                f"declares {len(widths)}: {', '.join(widths)}"
            )
        nodes = {}
        for (name, width), value in zip(widths.items(), returned, strict=True):
            if not isinstance(value, Tensor) or value.shape != (self.rows, width):
                raise CellError(
                    f"{type(cell).__name__}.step returned {name} as {_shape(value)}; expected "
                    f"{(self.rows, width)}, one row of width {width} for each row of the batch"
                )
            node = self._nodes.get(id(value))
            if node is None or node.time is Time.K:
                raise UnrepresentableError(
                    f"{type(cell).__name__}.step",
                    f"returns {name}, a tensor that no recorded operation made from x or a state",
                )
            nodes[name] = self.graph.number(node)
        return nodes

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        qualified = resolve_name(func) or f"torch.{getattr(func, '__name__', func)}"
        name = _base(qualified)
        frame = running_step()
        self._name_values(frame)
        self.graph.source = where = location(frame)
        try:
            return self._recorded(func, qualified, name, args, kwargs)
        except Unfit as reason:
            raise UnrepresentableError(name, str(reason), where) from None

    def _name_values(self, frame: FrameType | None) -> None:
        """Nodes get the names that the step's own variables have."""
        if frame is None or frame.f_code.co_name != "step":
            return
        for name, value in frame.f_locals.items():
            node = self._nodes.get(id(value)) if isinstance(value, Tensor) else None
            if node is not None and not node.label:
                node.label = name

    def _recorded(
        self, func: Callable, qualified: str, name: str, args: tuple, kwargs: dict
    ) -> Any:
        tensors = list(tensors_in((args, kwargs)))
        known = [self._nodes.get(id(t)) for t in tensors]
        rowwise = any(n is not None and n.time is not Time.K for n in known)
        self._refuse(func, qualified, name, args, kwargs, known, rowwise)
        result = func(*args, **kwargs)
        if not any(True for _ in tensors_in(result)):
            return result
        for tensor, node in zip(tensors, known, strict=True):
            if node is None:
                raise Unfit(_unknown(tensor))
        if not torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            rowwise_or_trained = "runs under torch.no_grad or in a custom autograd.Function"
            raise Unfit(f"{rowwise_or_trained}; use detach() on what shall have no gradient")
        if rowwise or self._is_row_factory(name, tensors, args, result):
            if not torch.is_grad_enabled():
                raise Unfit("runs under torch.no_grad or in a custom autograd.Function")
            self._bind_results(result, self._lowered(func, name, args, kwargs, result))
        else:
            self._record_constant(qualified, name, args, kwargs, result)
        return result

    def _refuse(
        self,
        func: Callable,
        qualified: str,
        name: str,
        args: tuple,
        kwargs: dict,
        known: list[Node | None],
        rowwise: bool,
    ) -> None:
        """Turn away what must not even run."""
        if name in _REFUSED and rowwise:
            raise Unfit(_REFUSED[name])
        last = qualified.rpartition(".")[2]
        # constants such as torch.eye may be looked at; parameters change, and are not part of
        # what a program is known by
        if reads_value(qualified) and any(n is None or n not in self._free for n in known):
            raise Unfit(READING)
        inplace = (last.endswith("_") and not last.startswith("_")) or last in (
            "__setitem__",
            "__set__",
        )
        inplace = inplace or kwargs.get("inplace") or kwargs.get("out") is not None
        if known and inplace and last != "requires_grad_":
            raise Unfit(_INPLACE)
        if name == "batch_norm" and kwargs.get("training", args[5] if len(args) > 5 else False):
            raise Unfit("couples the rows of the batch through its statistics")
        draws = name in RANDOM and _draws(name, args, kwargs)
        if draws and (rowwise or not inside_parametrization()):
            raise Unfit(_DRAWS)

    def _is_row_factory(self, name: str, tensors: list, args: tuple, result: Any) -> bool:
        """Whether a call on constants makes one row a batch row: zeros(B, H), bias.expand(B, H)."""
        if not isinstance(result, Tensor) or result.dim() < 2 or result.shape[0] != self.rows:
            return False
        if name in _FACTORIES:
            return True
        return name in _EXPANDS and args[0].shape != result.shape

    def _lowered(
        self, func: Callable, name: str, args: tuple, kwargs: dict, result: Any
    ) -> Node | tuple[Node | None, ...]:
        """The node, or nodes, of a result that has one row for each row of the batch."""
        g = self.graph
        if name in _VIEWS:
            return g.view(self._node(args[0]), self._row_shape(result))
        if name in _EXPANDS:
            source = self._node(args[0])
            if source.time is Time.K or source.width not in (1, result.shape[-1]):
                return g.pointwise("add", g.zeros(self._row_shape(result)), source)
            if source.shape[:-1] != self._row_shape(result)[:-1]:
                return g.pointwise("add", g.zeros(self._row_shape(result)), source)
            return g.expand(source, result.shape[-1])
        if name in _CASTS:
            return self._cast(self._node(args[0]), result)
        if name in _FACTORIES:
            return self._filled(name, args, kwargs, result)
        if name in ("max", "min"):
            return self._extreme(name, args, kwargs)
        if name == "dropout":  # one that draws has been refused
            return self._node(args[0])
        operands = self._as_nodes(args)
        named = {n: v for n, v in self._as_nodes(kwargs).items() if n != "out"}
        if name in LOWERINGS:
            try:
                return LOWERINGS[name](g, *operands, **named)
            except TypeError as error:
                raise Unfit(f"has no program form with these arguments ({error})") from None
        return decompose(g, func, args, kwargs, self._node, self.rows)

    def _cast(self, node: Node, result: Tensor) -> Node:
        if result.dtype == self.x.dtype:
            return self.graph.number(node)
        if result.dtype == torch.bool:
            zero = self.graph.const(0.0)
            return node if node.logical else self.graph.pointwise("ne", node, zero)
        raise Unfit(f"changes {self.x.dtype} to {result.dtype}; a step has one precision")

    def _filled(self, name: str, args: tuple, kwargs: dict, result: Tensor) -> Node:
        g, value = self.graph, _FACTORIES[name]
        if value is None:
            value = kwargs.get("fill_value", args[-1])
        if result.shape[0] != self.rows:
            return self._constant(
                "torch.full", [list(result.shape), as_node(g, value).attr[0]], self._like(), result
            )
        return g.pointwise("add", g.zeros(self._row_shape(result)), as_node(g, value))

    def _extreme(self, name: str, args: tuple, kwargs: dict) -> Node | tuple[Node | None, ...]:
        """torch.max and torch.min: of two tensors, or of the last dimension."""
        operands, named = self._as_nodes(args), self._as_nodes(kwargs)
        other = operands[1] if len(operands) > 1 else named.get("other")
        if isinstance(other, Node):
            return self.graph.pointwise(name, operands[0], other)
        return LOWERINGS[f"a{name}"](self.graph, *operands, **named), None

    def _record_constant(
        self, qualified: str, name: str, args: tuple, kwargs: dict, result: Any
    ) -> None:
        """A call on parameters only: any function of the allowed ones, replayed in the prologue."""
        if not is_allowed(qualified):
            raise Unfit(f"{qualified} is not among the functions that a program may call")
        if isinstance(result, Tensor):
            self.bind(result, self._constant(qualified, args, kwargs, result))
            return
        whole = self._constant(qualified, args, kwargs, None)
        for i, part in enumerate(result):
            item = self.graph.node(
                "item", (whole,), (i,), part.shape, logical=part.dtype == torch.bool
            )
            self.bind(part, item)

    def _constant(self, qualified: str, args: Any, kwargs: dict, result: Tensor | None) -> Node:
        try:
            node = self.graph.call(
                qualified,
                *(self._plain(a) for a in args),
                shape=() if result is None else result.shape,
                logical=result is not None and result.dtype == torch.bool,
                **{
                    n: self._plain(v)
                    for n, v in kwargs.items()
                    if n not in ("layout", "pin_memory")
                },
            )
        except TypeError as error:
            raise Unfit(f"cannot be stored: {error}") from None
        if all(a in self._free for a in node.args):
            self._free.add(node)
        return node

    def _like(self) -> dict[str, Any]:
        return {"dtype": self.x.dtype, "device": self.x.device}

    def _plain(self, value: Any) -> Any:
        """An argument of a constant call: tensors as nodes, dtype and device as those of x."""
        if isinstance(value, torch.dtype) and value == self.x.dtype:
            return LIKE_INPUT["dtype"]
        if isinstance(value, torch.device):
            return LIKE_INPUT["device"]
        if isinstance(value, torch.Size):
            return list(value)
        return (
            self._as_nodes(value)
            if not isinstance(value, (tuple, list, dict))
            else (type(value)(self._plain(v) for v in value))
        )

    def _node(self, value: Tensor) -> Node:
        return self._nodes[id(value)]

    def _as_nodes(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._node(value)
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, (tuple, list)):
            return type(value)(self._as_nodes(v) for v in value)
        if isinstance(value, dict):
            return {name: self._as_nodes(v) for name, v in value.items()}
        return value

    def _row_shape(self, result: Any) -> tuple[int, ...]:
        if not isinstance(result, Tensor) or result.shape[:1] != (self.rows,):
            raise Unfit("moves the batch out of dimension 0")
        return tuple(result.shape[1:])

    def _bind_results(self, result: Any, nodes: Node | tuple[Node | None, ...]) -> None:
        results = result if isinstance(result, (tuple, list)) else (result,)
        found = nodes if isinstance(nodes, tuple) else (nodes,)
        for value, node in zip(results, found, strict=True):
            if node is None:
                continue
            if node.time is not Time.K and tuple(value.shape) != (self.rows, *node.shape):
                raise Unfit(
                    f"gives {tuple(value.shape)}, which is not one row for each row of the batch "
                    f"(expected {(self.rows, *node.shape)})"
                )
            self.bind(value, node)


def reads_value(qualified: str) -> bool:
    """Whether a function hands a tensor's value to Python."""
    return qualified.rpartition(".")[2] in _READS_VALUE


def _base(qualified: str) -> str:
    """``torch.Tensor.__rsub__`` is rsub, ``torch.Tensor.T.__get__`` is T."""
    return qualified.removesuffix(".__get__").rpartition(".")[2].strip("_")


def _draws(name: str, args: tuple, kwargs: dict) -> bool:
    """Whether a random function really draws: dropout may be off."""
    if name != "dropout":
        return True
    given = dict(zip(("input", "p", "training"), args)) | kwargs
    return bool(given.get("training", True)) and given.get("p", 0.5) != 0


def _unknown(tensor: Tensor) -> str:
    return (
        f"meets a tensor {tuple(tensor.shape)} that is neither a parameter nor a buffer and that "
        "no recorded operation made: register it with register_buffer, and use torch functions "
        "(not numpy or scripted ones) to compute it"
    )


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor among arguments or results."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, Mapping):
        yield from tensors_in(tuple(value.values()))
