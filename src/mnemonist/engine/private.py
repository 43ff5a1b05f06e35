"""Looking at a cell without being noticed: in one thread at a time, generators put back."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.engine.contract import CellLike

__all__ = ["FIRST_LOOK", "copy_with", "like_of", "privately", "random_inputs", "tensors_of"]

FIRST_LOOK = threading.RLock()
"""Held while a cell is recorded or checked: both seed the global random number generators, and
`torch.nn.utils.parametrize.cached` is global too."""


@contextmanager
def privately(device: torch.device) -> Iterator[None]:
    """Derivatives on, autocast and inference mode off, and every generator as before at the end."""
    with ExitStack() as stack:
        stack.enter_context(FIRST_LOOK)
        devices = [device] if device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices=devices))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        yield


def tensors_of(cell: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name; what is tied comes once."""
    return dict(chain(cell.named_parameters(), cell.named_buffers()))


def like_of(cell: nn.Module) -> Tensor:
    """A tensor of the dtype and on the device of a cell's numbers."""
    floats = (t for t in tensors_of(cell).values() if t.is_floating_point())
    return next(floats, torch.empty(0))


def copy_with(cell: CellLike, tensors: Mapping[str, Tensor] | None = None) -> Any:
    """A copy of a cell, with these tensors in place of its parameters and buffers, if given.

    Returns:
        The copy, or None where the cell cannot be copied (it holds a tensor that autograd made,
        or an object such as an open file) or the copy would not read these tensors (it computes
        them anew, as what stands on another module's parametrised weights does).
    """
    assert isinstance(cell, nn.Module)
    own = tensors_of(cell) if tensors else {}
    memo: dict[int, Any] = {id(own[name]): value for name, value in (tensors or {}).items()}
    try:
        twin = copy.deepcopy(cell, memo)
    except Exception:
        return None
    read = tensors_of(twin) if tensors else {}
    return twin if all(read.get(name) is value for name, value in (tensors or {}).items()) else None


def random_inputs(cell: CellLike, rows: int) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """x (B, I), the states and the extras of one step, in the dtype and on the device of a cell."""
    assert isinstance(cell, nn.Module)
    like = like_of(cell)
    options: dict[str, Any] = {"device": like.device, "dtype": like.dtype}
    torch.manual_seed(rows)
    drawn = cell.draw_extras(1, rows, **options)
    x = torch.randn(rows, cell.input_size, **options)
    states = {n: torch.randn(rows, width, **options) for n, width in cell.state_sizes.items()}
    extras = {
        name: drawn[name][0] if name in drawn else torch.rand(rows, width, **options)
        for name, width in cell.extra_sizes.items()
    }
    return x, states, extras
