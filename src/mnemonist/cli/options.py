"""A configuration as command-line options: every field an option, its help the field's text."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, create_model

__all__ = ["flags", "given", "with_options"]


def flags(name: str, parts: Mapping[str, BaseModel], *, leave_out: set[str]) -> type[BaseModel]:
    """One flat model of the fields of several, each an option of its own.

    Args:
        name: of the model.
        parts: the configurations whose values are the defaults, by the title under which
            their options are listed.
        leave_out: fields that are no options.
    """
    fields: dict[str, Any] = {}
    for title, defaults in parts.items():
        texts = _texts(type(defaults))
        for field, info in type(defaults).model_fields.items():
            if field in leave_out:
                continue
            annotation, default = info.annotation, getattr(defaults, field)
            if isinstance(default, BaseModel):
                annotation = flags(type(default).__name__, {title: default}, leave_out=leave_out)
                default = annotation()
            option = Parameter(
                help=texts.get(field, ""),
                group=title,
                negative_iterable=(),
                consume_multiple=True,
                show_default=default not in (None, (), {}),
            )
            fields[field] = (Annotated[(annotation, *info.metadata, option)], default)
    return create_model(name, __config__=ConfigDict(frozen=True, extra="forbid"), **fields)


def given(options: BaseModel) -> dict[str, Any]:
    """Those that stand on the command line, by name.

    Where a field takes values of any type by name (``dict[str, Any]``), they are read as JSON
    has them: 3, 0.5, true, [0, 1], and everything else as text.
    """
    found = options.model_dump(exclude_unset=True)
    for name, info in type(options).model_fields.items():
        if name in found and info.annotation == dict[str, Any]:
            found[name] = {key: _value(text) for key, text in found[name].items()}
    return found


def _value(text: Any) -> Any:
    plain = text.lower() if text in ("True", "False") else text
    try:
        return json.loads(plain)
    except (TypeError, ValueError):
        return text


def with_options(model: type[BaseModel]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command's parameter ``options`` the type `model`, for cyclopts to read.

    The type exists at run time only, so that it cannot be written in the signature.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__annotations__["options"] = Annotated[model | None, Parameter(name="*")]
        return function

    return decorate


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a configuration and its bases say about each field, as one line."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found |= _described(one)
    return found


def _described(model: type[BaseModel]) -> dict[str, str]:
    doc = inspect.cleandoc(model.__doc__ or "")
    section = re.split(r"^(?:Attributes|Args):\n", doc, flags=re.MULTILINE)
    if len(section) < 2:
        return {}
    body = re.split(r"^\S", section[1], flags=re.MULTILINE)[0]
    found: dict[str, str] = {}
    for entry in re.split(r"^ {4}(?=\S)", body, flags=re.MULTILINE):
        names, _, text = entry.partition(":")
        for name in re.split(r",\s*", names):
            found[name.strip()] = " ".join(text.split())
    return found
