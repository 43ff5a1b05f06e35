"""Two configurations side by side."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["differences"]


def differences(there: Any, here: Any, prefix: str = "") -> list[str]:
    """Each value that differs, by its dotted name, old -> new.

    >>> differences({"cell": "lstm", "a": {"b": 1}}, {"cell": "gru", "a": {"b": 1}, "c": 2})
    ['cell: "lstm" -> "gru"', 'c: (absent) -> 2']
    """
    old, new = _leaves(there, prefix), _leaves(here, prefix)
    absent = object()
    return [
        f"{name}: {_shown(old.get(name, absent), absent)} -> {_shown(new.get(name, absent), absent)}"
        for name in dict.fromkeys((*old, *new))
        if old.get(name, absent) != new.get(name, absent)
    ]


def _leaves(value: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix.rstrip("."): value}
    leaves: dict[str, Any] = {}
    for key, item in value.items():
        deeper = isinstance(item, dict) and item
        leaves |= _leaves(item, f"{prefix}{key}.") if deeper else {f"{prefix}{key}": item}
    return leaves


def _shown(value: Any, absent: object) -> str:
    if value is absent:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
