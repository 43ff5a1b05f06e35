"""Initial values that need more than a gate's name."""

from __future__ import annotations

import torch

from mnemonist.cells._cell import Gate
from mnemonist.errors import CellError

__all__ = ["chrono_"]


def chrono_(keep: Gate, admit: Gate | None, longest: int) -> None:
    """Biases for memories of 1 to `longest` steps (Tallec & Ollivier 2018), drawn in place.

    b_keep ~ log U(1, T_max - 1),   b_admit = -b_keep

    Args:
        keep: the gate whose value near 1 keeps the state (forget gate; update gate of a GRU).
        admit: the gate that lets new input in, if it is another one.
        longest: T_max, the longest dependency expected, in steps.

    Raises:
        CellError: `longest` is below 3, which leaves nothing to draw from, or a gate has no bias.

    >>> keep = Gate(1, 0, 4)
    >>> chrono_(keep, None, longest=100)
    >>> bool((keep.b >= 0).all())
    True
    """
    if longest < 3:
        raise CellError(
            f"chrono initialisation needs the longest dependency in steps, at least 3; got {longest}"
        )
    with torch.no_grad():
        bias = keep.weight("b").uniform_(1, longest - 1).log_()
        if admit is not None:
            admit.weight("b").copy_(-bias)
