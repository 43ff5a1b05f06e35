"""What a recorded program depends on besides the class: flags, attributes, names and shapes.

Values of parameters are not part of it (programs get them at every call); hyperparameters are,
because Python has already decided by them when the step is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

from torch import Tensor, nn

from mnemonist.engine.program import Program

__all__ = ["Guard", "identity", "is_lasting"]

_INTERNAL = frozenset(nn.Module().__dict__) - {"training"}
_TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks")
_SIMPLE = (bool, int, float, str, bytes, type(None), type, FunctionType, BuiltinFunctionType)
_MISSING = object()


class Opaque(NamedTuple):
    """An object that is known by its identity only, which ends with it."""

    kind: type
    number: int
    content: Any = None


class Guard:
    """A quick test that a cell is still what it was: the same objects in the same places.

    It takes 10 to 20 µs where `identity` takes 100. What it lets through is unchanged; what it
    turns away may still be equal, which `identity` decides.
    """

    __slots__ = ("_contents", "_places", "_sizes", "_tensors")

    def __init__(self, cell: nn.Module) -> None:
        self._places: list[tuple[Mapping[str, Any], str, object]] = []
        self._contents: list[tuple[Mapping[str, Any], str, object]] = []
        self._tensors: list[tuple[Mapping[str, Any], str, int, tuple[Any, ...]]] = []
        self._sizes: list[tuple[Mapping[Any, Any], int]] = []
        for module in _modules(cell):
            content = module.__dict__
            self._sizes.append((content, len(content)))
            self._sizes.extend((content[table], len(content[table])) for table in _TABLES)
            for table in ("_parameters", "_buffers"):
                tensors = content[table]
                for name, tensor in tensors.items():
                    self._tensors.append((tensors, name, id(tensor), _described(tensor)))
            for name, child in content["_modules"].items():
                self._places.append((content["_modules"], name, child))
            for name in content:
                if name not in _INTERNAL:
                    self._watch(content, name)
        for kind in {type(module) for module in _modules(cell)}:
            for space, name in _class_attributes(kind):
                self._watch(space, name)
        for space, name in _globals_read(type(cell)):
            self._watch(space, name)

    def _watch(self, space: Mapping[str, Any], name: str) -> None:
        value = space.get(name, _MISSING)
        if value is _MISSING or _is_immutable(value):
            self._places.append((space, name, value))
        else:
            self._contents.append((space, name, _frozen(value)))

    def holds(self) -> bool:
        """Whether nothing has changed."""
        for table, size in self._sizes:
            if len(table) != size:
                return False
        for space, name, value in self._places:
            if space.get(name, _MISSING) is not value:
                return False
        for tensors, name, number, described in self._tensors:
            tensor = tensors.get(name)
            if id(tensor) != number:
                return False
            if tensor is not None and (tensor.shape, tensor.dtype, tensor.device) != described:
                return False
        return all(_frozen(space.get(name)) == value for space, name, value in self._contents)


def identity(cell: nn.Module) -> tuple[Any, ...]:
    """A key that is equal as long as the cell's step means the same program."""
    parts: list[Any] = []
    seen: dict[int, int] = {}
    for module in _modules(cell):
        content = module.__dict__
        parts.append(type(module))
        parts.extend((n, _frozen(v)) for n, v in content.items() if n not in _INTERNAL)
        parts.append(tuple(content["_modules"]))
        parts.append((tuple(content["_forward_hooks"]), tuple(content["_forward_pre_hooks"])))
        for table in ("_parameters", "_buffers"):
            for name, tensor in content[table].items():
                # the number says which names share one tensor
                number = seen.setdefault(id(tensor), len(seen))
                parts.append((name, number, _described(tensor)))
        parts.extend(_frozen(space.get(n)) for space, n in _class_attributes(type(module)))
    parts.extend(_frozen(space.get(n)) for space, n in _globals_read(type(cell)))
    return tuple(parts)


def is_lasting(key: Any) -> bool:
    """Whether a key of `identity` holds no object by identity, and so says the same for ever."""
    if isinstance(key, tuple):
        return not isinstance(key, Opaque) and all(map(is_lasting, key))
    return True


def _modules(cell: nn.Module) -> Iterator[nn.Module]:
    stack: list[nn.Module | None] = [cell]
    while stack:
        module = stack.pop()
        if module is not None:
            yield module
            stack.extend(module._modules.values())


def _is_immutable(value: Any) -> bool:
    """Whether the same object has the same content for ever."""
    if isinstance(value, tuple):
        return all(map(_is_immutable, value))
    return isinstance(value, _SIMPLE)


def _described(tensor: Tensor | None) -> tuple[Any, ...]:
    return () if tensor is None else (tensor.shape, tensor.dtype, tensor.device)


def _frozen(value: Any, depth: int = 3) -> Any:
    """A value by content where that is simple, else the object itself by identity."""
    if isinstance(value, _SIMPLE):
        return type(value), value  # 1 is not True, and not 1.0
    if isinstance(value, (tuple, list)) and depth:
        return tuple(_frozen(v, depth - 1) for v in value)
    if isinstance(value, dict) and depth:
        return tuple((_frozen(k, 0), _frozen(v, depth - 1)) for k, v in value.items())
    if isinstance(value, Tensor):
        return type(value)  # a step that uses one has no program, so its value decides nothing
    opaque = isinstance(value, (nn.Module, Program)) or not hasattr(value, "__dict__")
    if opaque or not depth:
        return Opaque(type(value), id(value))
    return Opaque(type(value), id(value), _frozen(vars(value), depth - 1))


def _class_attributes(kind: type) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Simple attributes and methods of the classes below `nn.Module`, where they stand."""
    for base in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        space = vars(base)
        for name, value in space.items():
            if not name.startswith("__") and isinstance(value, (*_SIMPLE, tuple)):
                yield space, name


def _globals_read(kind: type) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Numbers, strings and functions that a step takes from its module."""
    step = getattr(kind, "step", None)
    if isinstance(step, FunctionType):
        space = step.__globals__
        for name in step.__code__.co_names:
            if isinstance(space.get(name), _SIMPLE):
                yield space, name
