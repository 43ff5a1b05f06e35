"""Tensors in dicts, lists, tuples and dataclasses: moved, detached, and taken apart for storage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mnemonist.errors import ConfigError

__all__ = ["detach", "flatten", "map_tensors", "own", "to_device", "unflatten"]


def map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The same nest with `function` applied to every tensor; other leaves stay as they are."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: map_tensors(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, item) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(map_tensors(function, item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return dataclasses.replace(
            value, **{name: map_tensors(function, item) for name, item in fields.items()}
        )
    return value


def detach(value: Any) -> Any:
    """The nest cut off from the graph that made it."""
    return map_tensors(Tensor.detach, value)


def own(value: Any) -> Any:
    """The nest detached, in memory of its own that is laid out as a checkpoint gives it back.

    A matrix product may round differently for another layout, and resume must be exact.
    """
    return map_tensors(
        lambda tensor: tensor.detach().clone(memory_format=torch.contiguous_format), value
    )


def to_device(value: Any, device: torch.device) -> Any:
    """The nest on `device`."""
    return map_tensors(lambda tensor: tensor.to(device, non_blocking=True), value)


def flatten(value: Any, tensors: list[Tensor]) -> Any:
    """Append the tensors of a nest to `tensors` and return its JSON form.

    >>> tensors = []
    >>> flatten({"h": torch.zeros(2), "n": (1, None)}, tensors)
    {'dict': [['h', {'tensor': 0}], ['n', {'tuple': [{'value': 1}, {'value': None}]}]]}
    """
    if isinstance(value, Tensor):
        tensors.append(value.detach())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": [[key, flatten(item, tensors)] for key, item in value.items()]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [flatten(item, tensors) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise ConfigError(
        f"carried state holds a {type(value).__name__}, which a checkpoint cannot store: "
        "use tensors, numbers and strings in dicts with string keys, lists and tuples"
    )


def unflatten(form: Any, tensors: list[Tensor]) -> Any:
    """The nest that `flatten` took apart."""
    ((kind, content),) = form.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "dict":
            return {key: unflatten(item, tensors) for key, item in content}
        case "list":
            return [unflatten(item, tensors) for item in content]
        case "tuple":
            return tuple(unflatten(item, tensors) for item in content)
        case _:
            return content
