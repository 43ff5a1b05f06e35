"""Memory of a training step: the compiled engine beside torch.nn.LSTM, and checkpointed BPTT.

    python benchmarks/memory.py [--figure docs/images/memory.svg] [--json FILE]

Every figure comes from a process of its own that makes a layer and its input and then takes three
training steps (forward, backward): the most memory that was resident meanwhile, less what was
resident before, with malloc and threads as in any process. Long sequences are trained with and without `checkpoint=0` (segments of √T steps
that run again backwards); what goes in and comes out, x and y with their gradients, grows
with T whatever one does, and is subtracted there.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20
SIZES = [(100, 32, 128), (1000, 16, 64), (100, 32, 512), (50, 256, 256)]  # T, B, H and I
LENGTHS = (1_000, 10_000, 100_000)
ROWS, INPUTS, HIDDEN = 4, 8, 64
"""Of the long sequences."""


def resident(peak: bool) -> int:
    """Bytes of this process in memory, now or at the most since `forget_peak`."""
    field = "VmHWM:" if peak else "VmRSS:"
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def child(kind: str, steps: int, rows: int, inputs: int, hidden: int) -> None:
    """Three training steps of one kind; prints what they took."""
    import torch

    import mnemonist.nn as ours
    from mnemonist.cells import LSTM
    from mnemonist.engine import unroll
    from mnemonist.engine.native import library

    class Unrolled(LSTM):
        def __init__(self, inputs: int, hidden: int, checkpoint: int | None) -> None:
            super().__init__(inputs, hidden)
            self.checkpoint = checkpoint

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            done = unroll(self, x, executor="native", checkpoint=self.checkpoint)
            return (done.output,)

    torch.manual_seed(0)
    if kind == "torch":
        layer: torch.nn.Module = torch.nn.LSTM(inputs, hidden)
    elif kind == "native":
        layer = ours.LSTM(inputs, hidden, executor="native")
    else:
        layer = Unrolled(inputs, hidden, checkpoint=0 if kind == "checkpointed" else None)
    small = torch.randn(2, rows, inputs)
    layer(small)[0].sum().backward()  # tracing, compiling, libraries
    x = torch.randn(steps, rows, inputs)
    dy = torch.randn(steps, rows, hidden)
    before = resident(peak=False)
    forget_peak()
    for _ in range(3):
        layer.zero_grad()
        layer(x)[0].backward(dy)
    arena = library.module().arena_use() if kind != "torch" else {"in_use": 0, "idle": 0}
    taken = resident(peak=True) - before
    print(json.dumps({"bytes": taken, "arena": arena["in_use"] + arena["idle"]}))


def measured(kind: str, *sizes: int) -> dict[str, int]:
    command = [sys.executable, __file__, "--child", kind, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{kind} {sizes} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def training_steps(sizes: list[tuple[int, int, int]]) -> list[dict[str, object]]:
    if not sizes:
        return []
    print("peak memory of a training step above layer and input, MiB")
    print(f"{'T, B, H':>16}{'torch.nn.LSTM':>15}{'native':>9}{'ratio':>7}  of it kept by the arena")
    found: list[dict[str, object]] = []
    for steps, rows, width in sizes:
        by = {kind: measured(kind, steps, rows, width, width) for kind in ("torch", "native")}
        theirs, mine = by["torch"]["bytes"], by["native"]["bytes"]
        found.append({"size": [steps, rows, width], **by})
        mark = "✓" if mine <= theirs else "more than torch's"
        print(
            f"{f'{steps}, {rows}, {width}':>16}{theirs / MIB:15.1f}{mine / MIB:9.1f}"
            f"{mine / theirs:7.2f}  {by['native']['arena'] / MIB:.1f} {mark}",
            flush=True,
        )
    return found


def long_sequences(lengths: list[int]) -> list[dict[str, float]]:
    print(
        f"\nlong sequences, LSTM, B {ROWS}, I {INPUTS}, H {HIDDEN}: MiB beside x, y and their gradients"
    )
    print(f"{'T':>8}{'all stored':>12}{'checkpointed':>14}{'over √T':>9}")
    found = []
    for steps in lengths:
        # y is made in pieces and put together, and dy reaches the pieces as views
        passing = 4 * steps * ROWS * 2 * HIDDEN
        row: dict[str, float] = {"steps": steps, "passing": passing}
        for kind in ("stored", "checkpointed"):
            row[kind] = measured(kind, steps, ROWS, INPUTS, HIDDEN)["bytes"]
        found.append(row)
        rest = row["checkpointed"] - passing
        print(
            f"{steps:8}{(row['stored'] - passing) / MIB:12.1f}{rest / MIB:14.1f}"
            f"{rest / MIB / math.sqrt(steps):9.3f}",
            flush=True,
        )
    return found


def draw(rows: list[dict[str, float]], path: str) -> None:
    """Memory against T, with a line that grows as √T through the last point."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "mnemonist"  # the same file for the same numbers
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    steps = [row["steps"] for row in rows]
    for kind, label in (
        ("stored", "every step stored"),
        ("checkpointed", "checkpointed, √T steps"),
    ):
        values = [max(row[kind] - row["passing"], 1) / MIB for row in rows]
        axes.loglog(steps, values, marker="o", label=label)
    last = max(rows[-1]["checkpointed"] - rows[-1]["passing"], 1) / MIB
    line = [last * math.sqrt(t / steps[-1]) for t in steps]
    axes.loglog(steps, line, linestyle=":", color="grey", label="√T")
    axes.set_xlabel("steps T")
    axes.set_ylabel("memory of a training step, MiB")
    axes.set_title(f"LSTM, B {ROWS}, H {HIDDEN}; without x, y and their gradients", fontsize=10)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", metavar="T,B,H", help="of the training steps")
    parser.add_argument("--lengths", nargs="*", type=int, default=list(LENGTHS))
    parser.add_argument("--figure", metavar="FILE", help="draw the long sequences (SVG or PNG)")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        kind, *numbers = args.child
        child(kind, *map(int, numbers))
        return
    if not Path("/proc/self/clear_refs").exists():
        sys.exit("this needs Linux: it reads /proc/self/status")
    import torch

    from mnemonist.engine.native import library

    print(f"{library.describe()}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    sizes = SIZES if args.sizes is None else [tuple(map(int, s.split(","))) for s in args.sizes]
    found = {"steps": training_steps(sizes), "long": long_sequences(args.lengths)}  # type: ignore[arg-type]
    if args.figure and found["long"]:
        draw(found["long"], args.figure)  # type: ignore[arg-type]
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
