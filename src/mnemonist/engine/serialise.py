"""Programs as versioned JSON, and back with every claim checked.

Reading executes nothing from the file: operations and functions are looked up in the library's
own tables, weights are named, and every shape is worked out again and compared.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.program import AFFINE, POINTWISE, REDUCTIONS, Node, Program, Time
from mnemonist.engine.prologue import checked_shape, lookup
from mnemonist.errors import DataError

__all__ = ["SCHEMA", "digest", "from_json", "to_json"]

SCHEMA = "mnemonist.program/1"

_LARGEST_TEXT = 16 << 20
_MOST_NODES = 20_000
_MOST_NAMES = 4_096
_LARGEST_SIZE = 1 << 31
_FIELDS = {
    "schema",
    "cell",
    "input_size",
    "hidden_size",
    "states",
    "outputs",
    "extras",
    "emits",
    "initial",
    "nodes",
    "values",
    "bound",
    "labels",
}


def to_json(program: Program) -> str:
    """The program as JSON: sizes by name, and nodes as [operation, operands, attributes, shape]."""
    index = {node: i for i, node in enumerate(program.nodes)}
    content = {
        "schema": SCHEMA,
        "cell": program.cell,
        "input_size": program.input_size,
        "hidden_size": program.hidden_size,
        "states": dict(program.states),
        "outputs": dict(program.outputs),
        "extras": dict(program.extras),
        "emits": list(program.emits),
        "initial": {n: _number_to_json(v) for n, v in program.initial.items()},
        "nodes": [
            [
                node.op + ("?" if node.logical and node.op in _DECLARED else ""),
                [index[a] for a in node.args],
                [_number_to_json(v) for v in node.attr],
                list(node.shape),
            ]
            for node in program.nodes
        ],
        "values": {name: index[node] for name, node in program.values.items()},
        "bound": list(program.bound),
        "labels": {str(i): node.label for node, i in index.items() if node.label},
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


_DECLARED = frozenset({"leaf", "input", "call", "item"})
"""Sources whose being true or false nothing else tells; marked by a question mark."""


def digest(program: Program) -> str:
    """SHA-256 of the JSON, without what is for people only."""
    content = json.loads(to_json(program))
    del content["cell"], content["labels"]
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


_READ: WeakValueDictionary[str, Program] = WeakValueDictionary()


def from_json(text: str) -> Program:
    """The program that `to_json` wrote; the same object for the same text, as long as it lives.

    Layers that are read one by one so share what is prepared for a program: plans, graphs.

    Raises:
        DataError: the text is no program, one of another version, or one whose parts do not fit.
    """
    if not isinstance(text, str) or len(text) > _LARGEST_TEXT:
        raise DataError(f"a program is JSON text of at most {_LARGEST_TEXT >> 20} MiB")
    program = _READ.get(text)
    if program is None:
        program = _READ[text] = _read(text)
    return program


def _read(text: str) -> Program:
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is no program: it is not JSON ({error})") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise DataError(
            f"this is no program that this version of mnemonist reads: its schema is {schema!r}, "
            f"expected {SCHEMA!r}"
        )
    _require(set(content) == _FIELDS, f"fields {sorted(content)}, expected {sorted(_FIELDS)}")
    try:
        return _Reader(content).program()
    except Unfit as error:
        raise DataError(f"this program is damaged: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"this program is damaged: {type(error).__name__}: {error}") from None


class _Reader:
    """Builds the nodes again, one after another."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.states = _sizes(content["states"], "states")
        self.outputs = _sizes(content["outputs"], "outputs")
        self.extras = _sizes(content["extras"], "extras")
        self.input_size = _size(content["input_size"])
        names = [*self.states, *self.outputs]
        _require(len(set(names)) == len(names) and "x" not in self.extras, "names given twice")
        self.graph = Graph()
        self.nodes: list[Node] = []
        self.leaves: set[str] = set()

    def program(self) -> Program:
        content = self.content
        described = content["nodes"]
        _require(isinstance(described, list) and len(described) <= _MOST_NODES, "too many nodes")
        for i, node in enumerate(described):
            try:
                self.nodes.append(self._node(node))
            except (Unfit, LookupError, TypeError, ValueError, RuntimeError) as error:
                raise DataError(f"this program is damaged at node {i}: {error}") from None
        for index, label in content["labels"].items():
            _require(isinstance(label, str) and label.isidentifier(), f"a label {label!r}")
            self._operand(int(index), len(self.nodes)).label = label
        widths = {**self.states, **self.outputs}
        values = content["values"]
        _require(list(values) == list(widths), "its values are not its states and outputs")
        made = {name: self._operand(index, len(self.nodes)) for name, index in values.items()}
        for name, node in made.items():
            fits = node.shape == (widths[name],) and node.time is not Time.K and not node.logical
            _require(fits, f"the value of {name} is no vector of width {widths[name]}")
        emits, bound = tuple(content["emits"]), tuple(content["bound"])
        _require(bool(emits) and all(e in widths for e in emits), f"it emits {emits}")
        _require(all(b in self.states for b in bound), f"bound states {bound}")
        initial = {n: _number_from_json(v) for n, v in content["initial"].items()}
        _require(all(n in self.states for n in initial), "initial values of unknown states")
        _require(isinstance(content["cell"], str), "the name of its cell")
        return Program(
            cell=content["cell"],
            input_size=self.input_size,
            hidden_size=_size(content["hidden_size"]),
            states=self.states,
            outputs=self.outputs,
            extras=self.extras,
            emits=emits,
            initial=initial,
            values=made,
            bound=bound,
        )

    def _operand(self, index: Any, limit: int) -> Node:
        _require(type(index) is int and 0 <= index < limit, f"an operand {index!r}")
        return self.nodes[index]

    def _node(self, described: Any) -> Node:
        op, operands, attributes, sizes = described
        _require(isinstance(op, str) and isinstance(attributes, list), f"operation {op!r}")
        args = [self._operand(i, len(self.nodes)) for i in operands]
        attr = tuple(_number_from_json(a) for a in attributes)
        shape = tuple(_size(s) for s in sizes)
        _require(len(shape) <= 8 and math.prod(shape) <= _LARGEST_SIZE, f"a shape {list(shape)}")
        op, logical = op.removesuffix("?"), op.endswith("?")
        node = self._made(op, args, attr, shape, logical)
        _require(
            node.op == op
            and node.shape == shape
            and node.attr == attr
            and node.args == tuple(args),
            f"{op} of {[list(a.shape) for a in args]} {list(attr)} is not {list(shape)}",
        )
        return node

    def _made(
        self, op: str, args: list[Node], attr: tuple, shape: tuple[int, ...], logical: bool
    ) -> Node:
        g = self.graph
        if op in POINTWISE:
            _require(len(args) == POINTWISE[op] and not attr, f"{op} with {len(args)} operands")
            return g.pointwise(op, *args)
        if op in AFFINE:
            _require(2 <= len(args) <= 3 and not attr, f"{op} with {len(args)} operands")
            start = args[2] if len(args) == 3 else None
            width = math.prod(args[1].shape[:-1])
            _require(
                start is None or start.shape == (width,), f"{op} that starts from another width"
            )
            return g.affine(op, args[0], args[1], start)
        if op in REDUCTIONS:
            _require(len(args) == 1 and not attr, f"{op} with {len(args)} operands")
            return g.reduce(op, args[0])
        return (
            self._source(op, attr, shape, logical)
            if not args
            else self._moved(op, args, attr, shape, logical)
        )

    def _source(self, op: str, attr: tuple, shape: tuple[int, ...], logical: bool) -> Node:
        g = self.graph
        if op == "zeros" and not attr:
            return g.zeros(shape)
        if op == "call":
            return self._call([], attr, shape, logical)
        if op == "leaf":
            name, kind = attr
            return self._leaf(name, kind, shape, logical)
        (value,) = attr
        if op == "const" and isinstance(value, (bool, float)) and not shape:
            return g.const(value)
        _require(isinstance(value, str) and len(value) <= 1024, f"{op} {value!r}")
        widths = {"input": {"x": self.input_size} | self.extras}.get(op, self.states)
        _require(op in ("input", "state", "known"), f"unknown operation {op!r}")
        _require(shape == (widths[value],), f"{op} {value} of shape {list(shape)}")
        time = Time.S if op == "state" else Time.X
        return g.node(op, (), (value,), shape, time=time, logical=logical)

    def _leaf(self, name: Any, kind: Any, shape: tuple[int, ...], logical: bool) -> Node:
        plain = isinstance(name, str) and 0 < len(name) <= 1024
        plain = plain and all(p and not p.startswith("__") for p in name.split("."))
        _require(plain and kind in ("parameter", "buffer"), f"a {kind} named {name!r}")
        _require(name not in self.leaves, f"{name} twice")
        self.leaves.add(name)
        return self.graph.leaf(name, shape, kind, logical=logical)

    def _moved(
        self, op: str, args: list[Node], attr: tuple, shape: tuple[int, ...], logical: bool
    ) -> Node:
        g, first = self.graph, args[0]
        if op == "call":
            return self._call(args, attr, shape, logical)
        if op == "item":
            _require(first.op == "call" and len(args) == 1 and type(attr[0]) is int, "an item")
            _require(checked_shape(first, attr[0]) == shape, "an item of another shape")
            return g.node("item", args, attr, shape, logical=logical)
        if op == "slice":
            start, stop = attr
            ints = type(start) is int and type(stop) is int and len(args) == 1
            _require(ints and 0 <= start < stop <= first.width, f"a slice {list(attr)}")
            return g.slice(first, start, stop)
        if op == "cat":
            same = all(a.shape[:-1] == first.shape[:-1] and a.shape for a in args)
            timed = len({a.time is Time.K for a in args}) == 1
            _require(same and timed and not attr, "a cat of parts that do not fit")
            return g.cat(args)
        _require(
            len(args) == 1 and not attr and first.time is not Time.K, f"{op} that does not fit"
        )
        if op == "view":
            _require(math.prod(shape) == math.prod(first.shape), f"a view as {list(shape)}")
            return g.view(first, shape)
        _require(op == "expand" and bool(shape) and first.width == 1, f"unknown operation {op!r}")
        return g.expand(first, shape[-1])

    def _call(self, args: list[Node], attr: tuple, shape: tuple[int, ...], logical: bool) -> Node:
        function, template = attr
        lookup(function)
        _require(isinstance(template, str) and all(a.time is Time.K for a in args), "a call")
        node = self.graph.node("call", args, attr, shape, time=Time.K, logical=logical)
        found = checked_shape(node)
        _require(found is None or found == shape, f"{function} gives {found}, not {list(shape)}")
        return node


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise DataError(f"this program is damaged: {what}")


def _size(value: Any) -> int:
    _require(type(value) is int and 0 <= value < _LARGEST_SIZE, f"a size {value!r}")
    return value


def _sizes(value: Any, what: str) -> dict[str, int]:
    _require(isinstance(value, dict) and len(value) <= _MOST_NAMES, what)
    return {name: _size(size) for name, size in value.items()}


def _number_to_json(value: Any) -> Any:
    """Infinities and NaN as text, which JSON has no numbers for."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _number_from_json(value: Any) -> Any:
    if isinstance(value, dict):
        _require(value.get("float") in ("inf", "-inf", "nan") and len(value) == 1, f"{value!r}")
        return float(value["float"])
    _require(isinstance(value, (bool, int, float, str)), f"an attribute {value!r}")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
