"""Where torch's own kernels are faster than the compiled engine: measures, and writes the table.

The table is `src/mnemonist/engine/vendor_table.py`: for every kernel, with and without gradients,
boxes of (T, B, H) in which torch was faster at every point measured, and the measurements. A
point is won by torch if it takes less than 0.97 of our time. The boxes are found greedily, the
one that covers most points first; their sides lie halfway (as ratios) to the next points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import inf, isqrt
from pathlib import Path
from typing import Any

import torch
from native import Way, alternate, passes
from torch import nn

import mnemonist
import mnemonist.nn as ours
from mnemonist.engine.native import library

STEPS = (1, 10, 100)
ROWS = (1, 4, 16, 64)
WIDTHS = (16, 64, 128, 256, 512)
KERNELS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
FASTER = 0.97

Point = tuple[int, int, int]
Box = tuple[tuple[float, float], ...]

TEMPLATE = '''"""Where torch's own kernels are faster than the compiled engine; shapes alone decide.

Written by `python benchmarks/native.py --vendor-table`: {setting}.
"""

from __future__ import annotations

from math import inf

__all__ = ["prefers_torch"]

_Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

# By kernel and whether a gradient is wanted: T, B and H from (with) to (without).
_BOXES: dict[tuple[str, bool], tuple[_Box, ...]] = {{
{boxes}}}

# Milliseconds of the compiled engine and of torch on one thread, by T, B, H.
_MEASURED: dict[tuple[str, bool], dict[tuple[int, int, int], tuple[float, float]]] = {{
{measured}}}


def prefers_torch(kernel: str, training: bool, steps: int, rows: int, width: int) -> bool:
    """Whether torch's kernel is the faster one.

    Args:
        kernel: "lstm", "gru" or "rnn".
        training: whether a gradient is wanted.
        steps: T.
        rows: B.
        width: H.

    >>> prefers_torch("none", True, 100, 32, 128)
    False
    """
    size = (steps, rows, width)
    boxes = _BOXES.get((kernel, training), ())
    return any(all(low <= n < high for n, (low, high) in zip(size, box)) for box in boxes)
'''


def measure(kernel: str, point: Point, seconds: float) -> dict[bool, tuple[float, float]]:
    """Milliseconds of native and of torch, without and with gradients."""
    steps, rows, width = point
    x, dy = (torch.randn(steps, rows, width) for _ in range(2))
    x.requires_grad_()
    name = KERNELS[kernel]
    layers: dict[str, nn.Module] = {
        "native": getattr(ours, name)(width, width, executor="native"),
        "torch": getattr(nn, name)(width, width),
    }
    ways = {
        f"{peer} {what}": Way(call)
        for peer, layer in layers.items()
        for what, call in passes(layer, x, dy).items()
    }
    alternate(ways, seconds)
    return {
        what == "both": (ways[f"native {what}"].median, ways[f"torch {what}"].median)
        for what in ("forward", "both")
    }


def sides(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """All ranges of a sorted sequence, as (first, last)."""
    return ((a, b) for a, b in product(values, repeat=2) if a <= b)


def borders(values: Sequence[int], first: int, last: int) -> tuple[float, float]:
    """The range, open where nothing was measured behind it, else halfway to the next point."""
    between = {b: isqrt(a * b) + 1 for a, b in pairwise(values)}
    low = between.get(first, 0)
    later = [v for v in values if v > last]
    return low, between[later[0]] if later else inf


def boxes(won: Mapping[Point, bool]) -> list[Box]:
    """Boxes that hold points won by torch and no others."""
    axes = [sorted({point[i] for point in won}) for i in range(3)]
    left = {point for point, is_won in won.items() if is_won}
    found: list[Box] = []
    every = list(product(*(list(sides(axis)) for axis in axes)))

    def inside(ranges: tuple[tuple[int, int], ...]) -> list[Point]:
        return [p for p in won if all(a <= n <= b for n, (a, b) in zip(p, ranges))]

    clean = [(r, points) for r in every if (points := inside(r)) and all(won[p] for p in points)]
    while left:
        best, points = max(clean, key=lambda c: (len(left & set(c[1])), len(c[1])))
        left -= set(points)
        found.append(tuple(borders(axis, *side) for axis, side in zip(axes, best)))
    return found


def write(seconds: float, sizes: Sequence[str] | None) -> None:
    """Measure and write the table; with `sizes`, of these only, which is for trying it out."""
    torch.set_num_threads(1)
    points = list(product(STEPS, ROWS, WIDTHS))
    if sizes:
        points = [tuple(map(int, s.split(","))) for s in sizes]  # type: ignore[misc]
    measured: dict[tuple[str, bool], dict[Point, tuple[float, float]]] = {}
    for kernel in KERNELS:
        for point in points:
            for training, times in measure(kernel, point, seconds).items():
                measured.setdefault((kernel, training), {})[point] = times
                native, theirs = times
                print(
                    f"{kernel:5} T,B,H {point!s:16} {'f+b' if training else 'f':4}"
                    f"{native:9.3f} ms  torch {theirs:9.3f}  ratio {theirs / native:.2f}",
                    flush=True,
                )
    found = {
        key: boxes({p: theirs < FASTER * native for p, (native, theirs) in times.items()})
        for key, times in measured.items()
    }
    setting = f"{library.describe()}, torch {torch.__version__}, one thread"
    text = TEMPLATE.format(
        setting=setting, boxes=_lines(found, listed=True), measured=_lines(measured, listed=False)
    )
    assert mnemonist.__file__ is not None
    target = Path(mnemonist.__file__).parent / "engine" / "vendor_table.py"
    if sizes:
        print(text)
        return
    target.write_text(text, encoding="utf-8")
    print(f"{target}; now `ruff format` it")


def _lines(table: Mapping[Any, Any], *, listed: bool) -> str:
    out = ""
    for key, rows in table.items():
        if listed:
            body = "".join(f"        {row},\n" for row in rows)
            out += f"    {key!r}: (\n{body}    ),\n" if rows else f"    {key!r}: (),\n"
        else:
            pairs = ((p, tuple(float(f"{ms:.3g}") for ms in times)) for p, times in rows.items())
            out += (
                f"    {key!r}: {{\n"
                + "".join(f"        {p}: {t},\n" for p, t in pairs)
                + "    },\n"
            )
    return out
