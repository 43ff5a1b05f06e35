"""Which is faster, torch's own kernel or the compiled engine: what was measured nearby decides.

The measurements are those of `vendor_table`. A choice hangs on shapes, on float32 or float64, and on
whether a gradient is wanted: never on threads, on load or on what the tensors hold, so that the same
call always runs the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from mnemonist.engine import vendor_table
from mnemonist.engine.native import library

__all__ = ["Size", "kind_of", "slower"]

CLEARLY = 0.97
"""torch's kernel is taken where its time is below this share of ours: 3 % are noise."""

Size = tuple[int, int, int]
"""T, B and H."""


def kind_of(dtype: torch.dtype, *, ragged: bool) -> str:
    """The kind of run in the table; for rows of different lengths one stands for both types."""
    if ragged:
        return "ragged"
    return "float64" if dtype is torch.float64 else "float32"


def slower(kernel: str, kind: str, gradients: bool, size: Size) -> tuple[str, str]:
    """The slower one of the executors vendor and native, and how it was found to be so.

    What decides is the size measured that is nearest, by ratio, in each of T, B and H. The width
    of the input has no say, and neither have layers and directions, which cost one like the other.

    Args:
        kernel: "lstm", "gru" or "rnn".
        kind: of `kind_of`.
        gradients: whether a gradient is wanted.
        size: T, B and H.
    """
    if not _measured_here():
        return "native", "torch's kernels are faster than the compiled engine's portable ones"
    return _slower(kernel, kind, gradients, size)


@lru_cache(maxsize=4096)
def _slower(kernel: str, kind: str, gradients: bool, size: Size) -> tuple[str, str]:
    measured = (vendor_table.STEPS, vendor_table.ROWS, vendor_table.WIDTHS)
    steps, rows, width = (_nearest(sizes, n) for sizes, n in zip(measured, size, strict=True))
    column = vendor_table.WIDTHS.index(width)
    ratio = vendor_table.RATIOS[kernel, kind, gradients][steps, rows][column]
    where = f"near T {steps}, B {rows}, H {width}, {'with' if gradients else 'without'} gradients"
    if ratio < CLEARLY:
        return "native", f"measured {1 / ratio:.2f} times slower than vendor {where}"
    if ratio < 1.005:
        return "vendor", f"measured no faster than native {where}"
    return "vendor", f"measured {ratio:.2f} times slower than native {where}"


def _measured_here() -> bool:
    """Whether the table holds for the vectors in use: AVX-512 and AVX2, as the decision's page shows."""
    return library.isa() != "portable"


def _nearest(sizes: Sequence[int], number: int) -> int:
    """The one with the smallest ratio to a number, up or down."""
    return min(sizes, key=lambda n: max(n / number, number / n))
