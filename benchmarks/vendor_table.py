"""Where torch's own kernels are faster than the compiled engine: measures, and writes the table.

    python benchmarks/vendor_table.py                    # all of it, 8 minutes on an idle machine
    python benchmarks/vendor_table.py --seconds 0        # three rounds a size
    python benchmarks/vendor_table.py --kernels lstm --kinds float32 --sizes 64,16,64
    python benchmarks/vendor_table.py --through recurrent --input 8     # what else the table is used for

The table is `src/mnemonist/engine/vendor_table.py`. Without --kernels, --kinds and --sizes it is written;
with them the figures are only shown, each with what the table of today says, and what its choice
costs against the better one. All ways run on one thread and take turns; figures are the median of
the rounds' ratios of CPU time, so that other processes disturb them little.

Both are measured through the drop-in layers in a process with its own malloc, as users have it, on
(T, B, H) with an input as wide as H. Where a call would take long, T is cut: from 8 steps on, a step
costs the same. Ragged rows have T/2 to T steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from native import Way, alternate
from torch import Tensor, nn

import mnemonist
import mnemonist.nn as ours
from mnemonist.engine import vendor_choice
from mnemonist.engine.native import library

STEPS = (1, 8, 64)
ROWS = (1, 8, 64, 256)
WIDTHS = (16, 64, 128, 256, 512)
WORK = 64 * 64 * 256 * 256  # T·B·H² behind which T is cut
KERNELS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
KINDS = ("float32", "float64", "ragged")
CELLS = {"lstm": "lstm", "gru": "gru", "rnn": "elman"}

TEMPLATE = '''"""How many times longer torch's own kernels take than the compiled engine; measurements.

Written by `python benchmarks/vendor_table.py`: {setting}.
What is made of them is in `vendor_choice`.
"""

from __future__ import annotations

__all__ = ["RATIOS", "ROWS", "STEPS", "WIDTHS"]

STEPS = {steps}
ROWS = {rows}
WIDTHS = {widths}

RATIOS: dict[tuple[str, str, bool], dict[tuple[int, int], tuple[float, ...]]] = {{
{ratios}}}
"""By kernel, kind of run and whether a gradient is wanted: of (T, B), one number for each H of `WIDTHS`."""
'''


class CpuWay(Way):
    """A way whose time is that of the processor, all of it on one thread."""

    def spent(self, times: int) -> float:
        begin = time.process_time()
        for _ in range(times):
            self.call()
        return time.process_time() - begin


def passes(
    layer: nn.Module, x: Tensor, dy: Tensor, options: dict[str, Any]
) -> dict[bool, Callable[[], object]]:
    """A call without gradients, and one with its backward pass."""
    leaves = [x, *layer.parameters()]

    def forward() -> None:
        with torch.no_grad():
            layer(x, **options)

    def both() -> None:
        for leaf in leaves:
            leaf.grad = None
        layer(x, **options)[0].backward(dy)

    return {False: forward, True: both}


def measure(
    kernel: str, kind: str, point: Sequence[int], args: argparse.Namespace
) -> dict[bool, tuple[float, float]]:
    """The engine's milliseconds and the ratio of torch's time to it, by whether with gradients."""
    steps, rows, width = point
    steps = min(steps, max(8, WORK // (rows * width * width)))
    dtype = torch.float64 if kind == "float64" else torch.float32
    reads = args.input or width
    x = torch.randn(steps, rows, reads, dtype=dtype, requires_grad=True)
    dy = torch.randn(steps, rows, width, dtype=dtype)
    options = {}
    if kind == "ragged":
        options["lengths"] = steps - torch.arange(rows) * (steps // 2) // rows
    ways = {}
    for executor in ("native", "vendor"):
        layer: nn.Module
        if args.through == "recurrent":
            layer = ours.Recurrent(CELLS[kernel], reads, width, executor=executor)
        else:
            layer = getattr(ours, KERNELS[kernel])(
                reads, width, executor=executor, num_layers=args.layers
            )
        calls = passes(layer.to(dtype), x, dy, options)
        ways |= {(executor, gradients): CpuWay(call) for gradients, call in calls.items()}
    alternate(ways, args.seconds)
    return {
        gradients: (
            ways["native", gradients].median,
            statistics.median(
                theirs / mine
                for mine, theirs in zip(
                    ways["native", gradients].milliseconds, ways["vendor", gradients].milliseconds
                )
            ),
        )
        for gradients in (False, True)
    }


def told(key: tuple[str, str, bool], point: Sequence[int], mine: float, ratio: float) -> str:
    """A line for people: the figures, what the table says, and what that costs."""
    kernel, kind, gradients = key
    text = (
        f"{kernel:4} {kind:7} {'f+b' if gradients else 'f':3} T,B,H {point!s:14} "
        f"native {mine:9.3f} ms  torch/native {ratio:5.2f}"
    )
    try:
        slower, _ = vendor_choice.slower(kernel, kind, gradients, (point[0], point[1], point[2]))
    except KeyError:  # nothing has been measured yet
        return text
    lost = max(1.0, 1 / ratio if slower == "vendor" else ratio)
    return f"{text}  not taken: {slower:6} x{lost:.2f}"


def written(ratios: dict[tuple[str, str, bool], dict[tuple[int, int], list[float]]]) -> str:
    text = ""
    for key, rows in ratios.items():
        lines = (
            f"        {place}: ({', '.join(f'{ratio:.2f}' for ratio in found)}),\n"
            for place, found in rows.items()
        )
        text += f"    {key!r}: {{\n{''.join(lines)}    }},\n".replace("'", '"')
    return text


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.3, help="a size, about")
    parser.add_argument("--kernels", nargs="+", choices=KERNELS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS)
    parser.add_argument("--sizes", nargs="+", metavar="T,B,H")
    parser.add_argument("--input", type=int, help="its width, H if not given")
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--through", choices=("dropin", "recurrent"), default="dropin")
    args = parser.parse_args()
    args.shown = (
        any((args.kernels, args.kinds, args.sizes, args.input, args.layers > 1))
        or args.through != "dropin"
    )
    return args


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    points = list(product(STEPS, ROWS, WIDTHS))
    if args.sizes:
        points = [tuple(map(int, size.split(","))) for size in args.sizes]  # type: ignore[misc]
    ratios: dict[tuple[str, str, bool], dict[tuple[int, int], list[float]]] = {}
    setting = f"{library.describe()}, torch {torch.__version__}, one thread, drop-in layers"
    print(setting)
    begin = time.perf_counter()
    for kernel, kind in product(args.kernels or KERNELS, args.kinds or KINDS):
        for point in points:
            for gradients, (mine, ratio) in measure(kernel, kind, point, args).items():
                key = (kernel, kind, gradients)
                ratios.setdefault(key, {}).setdefault(point[:2], []).append(ratio)
                print(told(key, point, mine, ratio), flush=True)
    print(f"{time.perf_counter() - begin:.0f} s")
    if args.shown:
        return
    assert mnemonist.__file__ is not None
    target = Path(mnemonist.__file__).parent / "engine" / "vendor_table.py"
    text = TEMPLATE.format(
        setting=setting, steps=STEPS, rows=ROWS, widths=WIDTHS, ratios=written(ratios)
    )
    target.write_text(text, encoding="utf-8")
    print(f"{target}; now `ruff format` it")


if __name__ == "__main__":
    main()
