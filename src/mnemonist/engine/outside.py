"""Functions that torch.compile does not look into: it breaks its graph and calls them as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["Outside", "breaks_graphs"]


def breaks_graphs() -> bool:
    """Whether a graph is being written that may be broken: torch.compile's, not torch.export's."""
    return torch.compiler.is_dynamo_compiling() and not torch.compiler.is_exporting()


class Outside:
    """A function under `torch.compiler.disable`, which imports all of Dynamo: only when a graph is there.

    Args:
        function: what is called.
        reason: what ``fullgraph=True`` says of it.
    """

    def __init__(self, function: Callable[..., Any], reason: str) -> None:
        self.function, self.reason = function, reason
        self.disabled = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function, inside `breaks_graphs`."""
        _disable(self)
        return self.disabled(*arguments, **options)


def _disable(outside: Outside) -> None:
    if outside.disabled is outside.function:
        outside.disabled = torch.compiler.disable(outside.function, reason=outside.reason)


# Run while a graph is traced, as torch.compiler.assume_constant_result does.
_disable._dynamo_marked_constant = True  # type: ignore[attr-defined]
