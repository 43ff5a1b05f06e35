"""Whether a cell takes the options that it is given, before it meets them in its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mnemonist.errors import ConfigError
from mnemonist.nn._check import check_name

__all__ = ["check_options"]

_SCALARS: dict[Any, tuple[Any, str]] = {
    NoneType: (NoneType, "None"),
    bool: (bool, "true or false"),
    int: (int, "an integer"),
    float: ((int, float), "a number"),
    str: (str, "a text"),
}


def check_options(make: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options that `make` has not, lacks, or declares as a number, a text or a truth value
    and is given as something else.

    Args:
        make: makes a cell; its first two parameters are the sizes, all others are options.
        options: by name.

    Raises:
        ConfigError: it names the options that there are.
    """
    try:
        parameters = list(signature(make).parameters.values())
    except ValueError:  # a callable of C, which tells nothing about itself
        return
    name = f"the cell {getattr(make, '__name__', type(make).__name__)}"
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    taken = {p.name: p.default for p in parameters[2:] if p.kind in named}
    if not any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        for option in options:
            check_name(f"option of {name}", option, taken)
    for option, default in taken.items():
        if default is Parameter.empty and option not in options:
            raise ConfigError(f"{name} needs {option}: give cell_options={{{option!r}: ...}}")
    try:
        signature(make).bind(1, 1, **options)
    except TypeError as error:
        raise ConfigError(
            f"{name} cannot be made from (input_size, hidden_size) and its options: {error}"
        ) from error
    hints = _hints(make)
    for option, value in options.items():
        expected = _expected(value, hints.get(option))
        if expected:
            raise ConfigError(f"{option} of {name} must be {expected}; got {value!r}")


def _hints(make: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
    except (NameError, TypeError):  # written for a type checker alone, or not at all
        return {}


def _expected(value: object, hint: object) -> str:
    """What a value should have been; "" if it fits, or the hint is not one of plain values."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not all(kind in _SCALARS for kind in kinds):
        return ""
    for kind in kinds:
        types, _ = _SCALARS[kind]
        if isinstance(value, types) and (kind is bool or not isinstance(value, bool)):
            return ""
    return " or ".join(_SCALARS[kind][1] for kind in kinds)
