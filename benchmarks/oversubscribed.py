"""On a machine that others use too: how much slower the compiled engine and torch.nn become.

    python benchmarks/oversubscribed.py [--busy 4] [--seconds 6]

Forward and backward passes on all cores, first alone, then beside processes that compute without
end. Both are timed in turns in the same process, which starts itself again with a malloc that keeps
its memory, as `native.py` does; the figure is the median with the others over the median without
them. The engine should not be slowed more than torch is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from _cases import CASES
from native import Way, alternate, passes, start_again_with_malloc

from mnemonist.engine.native import library

SIZES = [(100, 1, 128), (100, 1, 512), (100, 32, 128), (1000, 16, 64)]
KINDS = ("lstm", "gru", "elman")
SPIN = "while True: sum(range(10**6))"


def timed(threads: int, seconds: float, sizes: list[tuple[int, int, int]]) -> dict[str, float]:
    """Milliseconds of a training step, by cell, size and peer."""
    found = {}
    for kind in KINDS:
        for size in sizes:
            steps, rows, width = size
            torch.manual_seed(0)
            x, dy = (torch.randn(steps, rows, width) for _ in range(2))
            x.requires_grad_()
            case = CASES[kind]
            layer = case.layer(width)
            layers = {"native": layer, "torch": case.peer(layer)}
            ways = {p: Way(passes(m, x, dy)["both"], threads) for p, m in layers.items()}
            alternate(ways, seconds)
            for peer, way in ways.items():
                found[f"{kind} {steps}, {rows}, {width} {peer}"] = way.median
            milliseconds = ", ".join(f"{peer} {way.median:.2f}" for peer, way in ways.items())
            print(f"  {kind} {steps}, {rows}, {width}: ms {milliseconds}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=4, help="processes beside this one")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=6.0, help="a case, about")
    parser.add_argument("--sizes", nargs="+", metavar="T,B,H")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    start_again_with_malloc()
    sizes = SIZES
    if args.sizes:
        sizes = [tuple(map(int, s.split(","))) for s in args.sizes]  # type: ignore[misc]
    print(
        f"{library.describe()}, torch {torch.__version__}, {os.cpu_count()} cores, {args.threads} "
        f"threads, load {os.getloadavg()[0]:.1f}; forward and backward\nalone",
        flush=True,
    )
    alone = timed(args.threads, args.seconds, sizes)
    print(f"beside {args.busy} busy processes", flush=True)
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(args.busy)]
    try:
        beside = timed(args.threads, args.seconds, sizes)
    finally:
        for process in others:
            process.kill()
            process.wait()
    print(f"\nms alone, and times as long beside {args.busy} busy processes")
    print(f"{'':24}{'native':>20}{'torch.nn':>20}")
    for name in (n.removesuffix(" native") for n in alone if n.endswith(" native")):
        slower = {p: beside[f"{name} {p}"] / alone[f"{name} {p}"] for p in ("native", "torch")}
        columns = "".join(
            f"{alone[f'{name} {p}']:11.2f} ({slower[p]:5.1f}x)" for p in ("native", "torch")
        )
        mark = "✓" if slower["native"] <= slower["torch"] else "slowed more than torch"
        print(f"{name:24}{columns}  {mark}")
    if args.json:
        text = json.dumps({"alone": alone, "beside": beside}, indent=1)
        Path(args.json).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
