"""What a short call costs beside its arithmetic: the compiled engine, torch.nn, and loops by hand.

    OMP_NUM_THREADS=1 python benchmarks/calls.py [--cells lstm gru] [--steps 1 5 10] [--rows 1]
        [--hidden 16] [--rounds 400] [--before FOLDER] [--json FILE]

One layer of a few units over a few steps takes microseconds to compute; what is measured is the way
there: Python, checks, autograd. All ways take turns, ten calls each; printed is the processor's time
of a call in microseconds, the lower quartile over the rounds, since other programs on the machine can
only add to it. *f* is a call without gradients, *f+b* one with its backward pass. ``--before`` names
the ``src`` of another checkout (with its engine built), which takes its turn in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = 10
Ways = dict[str, Callable[[], object]]


def ways(name: str, size: tuple[int, int, int], peers: bool) -> Ways:
    """Our drop-in or layer, `Recurrent` with the cell of the catalogue, and torch.nn or a loop."""
    import torch
    from _cases import CASES

    from mnemonist.nn import Recurrent

    case, (steps, rows, width) = CASES[name], size
    torch.manual_seed(0)
    layers: dict[str, Any] = {"layer": case.layer(width)}
    if case.kind:
        layers["Recurrent"] = Recurrent(name, width, width, executor="native")
    if peers:
        layers["torch.nn" if case.kind else "loop"] = case.peer(layers["layer"])
    x, dy = torch.randn(steps, rows, width), torch.randn(steps, rows, width)
    found: Ways = {}
    for who, layer in layers.items():

        def forward(layer: Any = layer) -> None:
            with torch.no_grad():
                layer(x)

        read = x.clone().requires_grad_()
        leaves = [read, *layer.parameters()]

        def both(layer: Any = layer, read: Any = read, leaves: Any = leaves) -> None:
            for leaf in leaves:
                leaf.grad = None
            layer(read)[0].backward(dy)

        found |= {f"{who} f": forward, f"{who} f+b": both}
    return found


def microseconds(call: Callable[[], object]) -> float:
    call()
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS / 1e3


class Before:
    """Another checkout in a process of its own, which answers a way's name with its time."""

    def __init__(self, source: str, cell: str, size: tuple[int, int, int]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", cell, *map(str, size)],
            env=os.environ | {"PYTHONPATH": source},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def time(self, way: str) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(way, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(cell: str, *size: str) -> None:
    import torch

    torch.set_num_threads(1)
    steps, rows, width = map(int, size)
    calls = ways(cell, (steps, rows, width), peers=False)
    for line in sys.stdin:
        print(microseconds(calls[line.strip()]), flush=True)


def measure(cell: str, size: tuple[int, int, int], rounds: int, before: str) -> dict[str, float]:
    """Microseconds of each way; those of the other checkout are called ``before``."""
    calls = ways(cell, size, peers=True)
    ours = [way for way in calls if way.startswith(("layer", "Recurrent"))]
    other = Before(before, cell, size) if before else None
    times: dict[str, list[float]] = {}
    for call in calls.values():
        microseconds(call)
    for _ in range(rounds):
        for way, call in calls.items():
            times.setdefault(way, []).append(microseconds(call))
            if other is not None and way in ours:
                times.setdefault(f"{way} before", []).append(other.time(way))
    if other is not None:
        other.close()
    return {way: sorted(taken)[len(taken) // 4] for way, taken in times.items()}


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["elman", "lstm", "gru", "peephole", "own"])
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 5, 10])
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--before", metavar="SRC", default="")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    import torch

    from mnemonist.engine.native import library

    torch.set_num_threads(1)
    head = (
        f"{library.describe()}, torch {torch.__version__}, Python {platform.python_version()}, 1 thread, "
        f"load {os.getloadavg()[0]:.1f}; B {args.rows}, H {args.hidden}, float32"
    )
    print(f"{head}; microseconds of processor time a call, lower quartile of {args.rounds} rounds")
    found = []
    for cell in args.cells:
        for steps in args.steps:
            size = (steps, args.rows, args.hidden)
            us = measure(cell, size, args.rounds, args.before)
            found.append({"cell": cell, "size": list(size), "microseconds": us})
            told = "  ".join(f"{way} {time:.0f}" for way, time in us.items())
            print(f"{cell:9} T {steps:3}   {told}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps({"setting": head, "calls": found}, indent=1))


if __name__ == "__main__":
    main()
