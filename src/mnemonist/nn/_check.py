"""Checks of constructor arguments, with messages that name the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from mnemonist.errors import ConfigError

__all__ = ["check_choice", "check_name", "check_positive", "check_probability"]


def check_choice(what: str, value: object, choices: Iterable[object]) -> None:
    """Raise ConfigError unless `value` is one of `choices`; name the nearest one."""
    choices = tuple(choices)
    if value not in choices:
        names = [c for c in choices if isinstance(c, str)]
        shown = ", ".join(repr(c) for c in choices)
        raise ConfigError(f"{what} must be one of {shown}; got {value!r}{_nearest(value, names)}")


def check_name(what: str, name: str, known: Iterable[str]) -> None:
    """Raise ConfigError unless `name` is one of the `known` names; name the nearest one."""
    known = tuple(known)
    if name not in known:
        there = ", ".join(known) or "none"
        raise ConfigError(f"unknown {what} {name!r}; there is {there}{_nearest(name, known)}")


def check_positive(what: str, value: object) -> None:
    """Raise ConfigError unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{what} must be a positive integer; got {value!r}")


def check_probability(what: str, value: float) -> None:
    """Raise ConfigError unless 0 <= `value` <= 1."""
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{what} is a probability, between 0 and 1; got {value!r}")


def _nearest(value: object, names: Iterable[str]) -> str:
    near = get_close_matches(str(value), list(names), n=1)
    return f". Did you mean {near[0]!r}?" if near else ""
