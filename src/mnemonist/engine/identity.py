"""What a recorded program depends on besides the class: flags, attributes, names and shapes.

Values of parameters are not part of it (programs get them at every call); hyperparameters are,
because Python has already decided by them when the step is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

__all__ = ["identity"]

_INTERNAL = frozenset(nn.Module().__dict__) - {"training"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_SIMPLE = (bool, int, float, str, bytes, type(None), type, FunctionType)
_OF_CLASS: WeakKeyDictionary[type, tuple[tuple[str, ...], FunctionType | None]] = (
    WeakKeyDictionary()
)


def identity(cell: nn.Module) -> tuple[Any, ...]:
    """A key that is equal as long as the cell's step means the same program."""
    parts: list[Any] = []
    seen: dict[int, int] = {}
    modules = [cell]
    while modules:
        module = modules.pop()
        kind = type(module)
        parts.append(kind)
        content = module.__dict__
        for name, value in content.items():
            if name not in _INTERNAL:
                parts.append(name)
                parts.append(value if type(value) in _SIMPLE else _frozen(value))
        for hooks in _HOOKS:
            if content[hooks]:
                parts.append(tuple(content[hooks]))
        for tensors in (content["_parameters"], content["_buffers"]):
            for name, tensor in tensors.items():
                # the number says which names share one tensor
                number = seen.setdefault(id(tensor), len(seen))
                parts.append((name, number, *_described(tensor)))
        names, step = _of_class(kind)
        for name in names:
            value = getattr(kind, name, None)
            parts.append(value if type(value) in _SIMPLE else _frozen(value))
        if step is not None:
            parts.append(step)
            parts.extend(_globals_read(step))
        for name, child in content["_modules"].items():
            parts.append(name)
            if child is not None:
                modules.append(child)
    return tuple(parts)


def _described(tensor: Tensor | None) -> tuple[Any, ...]:
    return () if tensor is None else (tensor.shape, tensor.dtype, tensor.device)


def _frozen(value: Any, depth: int = 3) -> Any:
    """A value by content where that is simple, else the object itself by identity."""
    if isinstance(value, _SIMPLE):
        return value
    if isinstance(value, (tuple, list)) and depth:
        return tuple(_frozen(v, depth - 1) for v in value)
    if isinstance(value, dict) and depth:
        return tuple((_frozen(k, 0), _frozen(v, depth - 1)) for k, v in value.items())
    if isinstance(value, Tensor) or not hasattr(value, "__dict__") or not depth:
        return type(value), id(value)
    return type(value), id(value), _frozen(vars(value), depth - 1)


def _of_class(kind: type) -> tuple[tuple[str, ...], FunctionType | None]:
    """The simple attributes of a class, and its step."""
    found = _OF_CLASS.get(kind)
    if found is None:
        names = tuple(
            name
            for base in kind.__mro__[: kind.__mro__.index(nn.Module)]
            for name, value in vars(base).items()
            if not name.startswith("__") and isinstance(value, (bool, int, float, str, tuple))
        )
        step = getattr(kind, "step", None)
        found = names, step if isinstance(step, FunctionType) else None
        _OF_CLASS[kind] = found
    return found


def _globals_read(step: FunctionType) -> Iterator[Any]:
    """Numbers, strings and functions that a step takes from its module or closure."""
    space = step.__globals__
    for name in step.__code__.co_names:
        value = space.get(name)
        if type(value) in _SIMPLE:
            yield value
    for cell in step.__closure__ or ():
        try:
            yield _frozen(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
