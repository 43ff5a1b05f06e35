"""The drop-ins beside torch.nn's layers: time of a forward pass and of forward and backward.

    python benchmarks/dropins.py [--threads 1] [--rounds 15] [--clock cpu] [--executors auto eager]

Both are called in turn, in random order within a round, on the same input and with the same
weights; a line gives the median of each and the median of the ratio round by round. `cpu` counts the
process's CPU time, which other programs on the machine disturb least, and makes sense for one
thread; `wall` is the clock on the wall.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import mnemonist.nn as ours

# (kind, T, B, I, H, options): a step at a time, short and narrow, the middle, wide, deep
SIZES: list[tuple[str, int, int, int, int, dict[str, object]]] = [
    ("LSTM", 1, 1, 64, 64, {}),
    ("LSTM", 50, 32, 64, 128, {}),
    ("LSTM", 50, 32, 64, 128, {"num_layers": 2, "bidirectional": True}),
    ("LSTM", 100, 8, 16, 32, {}),
    ("LSTM", 30, 64, 256, 256, {"proj_size": 64}),
    ("GRU", 1, 1, 64, 64, {}),
    ("GRU", 50, 32, 64, 128, {}),
    ("GRU", 50, 32, 64, 128, {"num_layers": 2, "bidirectional": True}),
    ("RNN", 50, 32, 64, 128, {}),
]


def forward(layer: nn.Module, x: Tensor, **call: str) -> None:
    with torch.no_grad():
        layer(x, **call)


def forward_and_backward(layer: nn.Module, x: Tensor, **call: str) -> None:
    layer.zero_grad()
    layer(x, **call)[0].sum().backward()


def measure(
    runs: dict[str, Callable[[], None]], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Milliseconds of each run in each round; a round repeats a run until it takes 5 ms."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    repeats = {}
    for name, run in runs.items():
        run()
        run()
        start = clock()
        run()
        repeats[name] = max(1, round(0.005 / max(clock() - start, 1e-6)))
    for _ in range(rounds):
        for name in random.sample(list(runs), len(runs)):
            start = clock()
            for _ in range(repeats[name]):
                runs[name]()
            times[name].append(1e3 * (clock() - start) / repeats[name])
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--executors", nargs="+", default=["auto", "eager"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    random.seed(0)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    print(
        f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, "
        f"{torch.backends.cpu.get_cpu_capability()}; {options.threads} thread(s), float32, "
        f"{options.clock} time, {options.rounds} rounds; oneDNN "
        f"{'on' if torch.backends.mkldnn.is_available() else 'off'}"
    )
    heads = "".join(f"{name:>11}{'× torch':>9}" for name in options.executors)
    print(f"{'ms, median':<44}{'pass':>6}{'torch.nn':>10}{heads}")
    for kind, steps, rows, width, hidden, extra in SIZES:
        torchs = getattr(nn, kind)(width, hidden, **extra)
        mine = getattr(ours, kind)(width, hidden, **extra)
        mine.load_state_dict(torchs.state_dict())
        x = torch.randn(steps, rows, width)
        label = f"{kind} T={steps} B={rows} I={width} H={hidden}"
        label += "".join(f" {n[:2]}={v}" for n, v in extra.items())
        for name, one in (("f", forward), ("f+b", forward_and_backward)):
            runs = {"torch.nn": partial(one, torchs, x)}
            for executor in options.executors:
                runs[executor] = partial(one, mine, x, executor=executor)
            times = measure(runs, options.rounds, clock)
            base = times["torch.nn"]
            cells = ""
            for executor in options.executors:
                pairs = zip(times[executor], base, strict=True)
                ratio = statistics.median(a / b for a, b in pairs)
                cells += f"{statistics.median(times[executor]):11.3f}{ratio:9.2f}"
            print(f"{label:<44}{name:>6}{statistics.median(base):10.3f}{cells}")


if __name__ == "__main__":
    main()
