"""Packages whose names are imported when they are first used.

The command line answers `--help` without torch and pandas, and reads a configuration without
the loop that it configures, because no package on its way imports more than was asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy"]


def lazy(
    package: str, homes: Mapping[str, str], *, modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    >>> get, listed = lazy("mnemonist", {"Scaler": ".data.series.scaling"}, modules=["data"])
    >>> get("Scaler")
    <class 'mnemonist.data.series.scaling.Scaler'>
    >>> get("Scalar")
    Traceback (most recent call last):
    AttributeError: module 'mnemonist' has no attribute 'Scalar'

    Args:
        package: its ``__name__``.
        homes: the module of each name, written as in a relative import.
        modules: those of its own modules that are names too.
    """
    homes, modules = dict(homes), frozenset(modules)

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name], package), name)
        if name in modules:
            return import_module(f".{name}", package)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})

    return get, listed
