"""How an input meets time: the layouts of the caller, and one vector for many steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

from mnemonist.errors import ConfigError, ShapeError

__all__ = ["layout", "unfolded"]


class Unfolding(Protocol):
    """What a stack expects: its width, and `Recurrent`'s options of that name."""

    input_size: int
    batch_first: bool

    @property
    def unfold(self) -> Literal["sequence", "first", "hold"]: ...


def layout(
    single: bool, batch_first: bool
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """From the caller's layout to (T, B, ...), and back."""
    if single:
        return lambda v: v.unsqueeze(1), lambda v: v.squeeze(1)
    if batch_first:
        return lambda v: v.transpose(0, 1), lambda v: v.transpose(0, 1)
    return lambda v: v, lambda v: v


def unfolded(
    x: Tensor,
    how: Unfolding,
    steps: int | None,
    single: bool,
    enter: Callable[[Tensor], Tensor],
) -> Tensor:
    """x as (T, B, I).

    Args:
        x: a sequence, or one vector for all of it.
        how: what the stack expects.
        steps: T, where x is one vector.
        single: whether x has no batch dimension.
        enter: from the caller's layout to (T, B, ...), as `layout` gives it.

    Raises:
        ShapeError: x has another shape.
        ConfigError: steps where x tells T, or no steps where it does not.
    """
    shape: tuple[str, ...] = ("B", "T") if how.batch_first else ("T", "B")
    shape = shape if how.unfold == "sequence" else ("B",)
    if x.dim() != len(shape) + 1 - single or x.shape[-1] != how.input_size:
        expected = f"({', '.join(shape)}, {how.input_size}) with unfold={how.unfold!r}"
        raise ShapeError(f"x must be {expected}; got {tuple(x.shape)}")
    if how.unfold == "sequence":
        if steps is not None:
            raise ConfigError(
                "steps belongs to unfold='first' and 'hold'; here the length of x tells T"
            )
        return enter(x)
    if steps is None:
        raise ConfigError(f"unfold={how.unfold!r} needs steps, the number of steps to run")
    x = (x[None] if single else x)[None]
    if how.unfold == "hold" or steps == 0:
        return x.expand(steps, -1, -1)
    return torch.cat([x, x.new_zeros(steps - 1, *x.shape[1:])])
