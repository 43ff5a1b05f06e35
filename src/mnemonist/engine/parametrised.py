"""Parametrised weights (normalised, dropped): computed once a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["Weights", "cached", "held", "weights_of"]

Weights = dict[tuple[int, str], Tensor]
"""By the id of their module and their name, as `torch.nn.utils.parametrize` keeps them."""


def cached() -> AbstractContextManager[None]:
    """`parametrize.cached`; inside another one nothing, as nothing in a graph may change it there."""
    return nullcontext() if parametrize._cache_enabled else parametrize.cached()


def weights_of(cell: nn.Module) -> Weights:
    """Every parametrised weight of a cell, computed once."""
    with cached():
        return {
            (id(module), name): getattr(module, name)
            for module in cell.modules()
            if parametrize.is_parametrized(module)
            for name in module.parametrizations  # type: ignore[union-attr]
        }


@contextmanager
def held(weights: Weights) -> Iterator[None]:
    """`parametrize.cached`, with these weights and nothing that an outer one has computed."""
    outer: Any = parametrize._cache
    with parametrize.cached():
        parametrize._cache = {**weights}
        try:
            yield
        finally:
            parametrize._cache = outer
