"""The compiled engine beside its peers, through the public modules, autograd included.

    python benchmarks/native.py                       # the whole grid, about 20 minutes on 2 cores
    python benchmarks/native.py --cells lstm own --sizes 100,32,128 --seconds 2
    python benchmarks/native.py --jax DIR             # DIR: where `pip install --target DIR jax` put it
    python benchmarks/native.py --compile 300         # torch.compile of the loops, 300 s each at most
    python benchmarks/native.py --default-malloc      # page faults and all, as in any process

For every cell and size, in rounds in which all take turns: the cell through the compiled engine,
torch.nn's layer where it has the cell, else the same cell as a loop written by hand (x projected
for all steps, gates in one product), on one thread and the first two also on two. Figures are
medians. *Share of peak* is the work of the matrix products (backwards twice that of forwards)
over the time, divided by the speed of `torch.mm` at 1024³ in the same rounds on one thread.

The process starts itself again with a malloc that keeps its memory (MALLOC_MMAP_THRESHOLD_,
MALLOC_TRIM_THRESHOLD_, MALLOC_TOP_PAD_), so that nobody is measured by page faults; with
--default-malloc it does not. Page faults of each call are printed either way.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}
MOST_THREADS = 2


@dataclass
class Way:
    """One thing to be timed: a call, the threads it may have, and what came out."""

    call: Callable[[], object]
    threads: int = 1
    milliseconds: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)

    def spent(self, times: int) -> float:
        """Seconds of so many calls."""
        begin = time.perf_counter()
        for _ in range(times):
            self.call()
        return time.perf_counter() - begin

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


def alternate(ways: Mapping[str, Way], seconds: float, least: int = 3) -> None:
    """Rounds in which every way has its turn, those with the same number of threads together."""
    import torch

    order = sorted(ways.values(), key=lambda way: way.threads)
    repeats = {}
    for way in order:
        torch.set_num_threads(way.threads)
        way.spent(1)
        repeats[id(way)] = max(1, round(0.003 / (way.spent(1) + 1e-9)))
    begin, done = time.perf_counter(), 0
    while done < least or (time.perf_counter() - begin < seconds and done < 40):
        for way in order:
            if torch.get_num_threads() != way.threads:
                torch.set_num_threads(way.threads)
                way.spent(1)  # the threads wake up
            times = repeats[id(way)]
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            way.milliseconds.append(1e3 * way.spent(times) / times)
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
            way.faults.append(faults // times)
        done += 1


def passes(layer: Any, x: Any, dy: Any) -> dict[str, Callable[[], object]]:
    """A forward pass without autograd, and one with it and the backward pass."""
    import torch

    leaves = [x, *layer.parameters()]

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    def both() -> None:
        for leaf in leaves:
            leaf.grad = None
        layer(x)[0].backward(dy)

    return {"forward": forward, "both": both}


class Jax:
    """JAX in a process of its own, on one core, by questions and answers (`_jax_peer`)."""

    def __init__(self, folder: str) -> None:
        environment = os.environ | {
            "PYTHONPATH": folder,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        }
        core = min(os.sched_getaffinity(0))
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("_jax_peer.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self.version = self._answer()["version"]

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("JAX has stopped: see above, or leave out --jax")
        return json.loads(line)

    def ways(
        self, cell: str, given: Mapping[str, Any], found: dict[str, Any]
    ) -> tuple[dict[str, Way], str]:
        """JAX's two ways of a case once its numbers are those that are given, or why not."""
        import numpy as np

        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "case.npz")
            np.savez(file, **{name: value.detach().numpy() for name, value in given.items()})
            answer = self.ask(cell=cell, file=file)
        if "error" in answer:
            return {}, f"JAX: {answer['error']}"
        found["jax"] = answer

        return {
            f"jax {what} 1": JaxWay(partial(self.ask, what=what)) for what in ("forward", "both")
        }, ""


class JaxWay(Way):
    """A way whose calls another process makes and times: `call` asks it for so many."""

    def spent(self, times: int) -> float:
        return self.call(times=times)["seconds"]  # type: ignore[call-arg, index]


def compiled(loop: Any, x: Any, dy: Any, seconds: int) -> tuple[Any, str]:
    """A loop under torch.compile, or why not.

    All steps are in one graph, which is what makes it faster: with the step alone compiled, a
    peephole LSTM (100, 32, 128) takes as long as without torch.compile. Compiling grows with T,
    about 2 s a step on one core; TORCHINDUCTOR_CACHE_DIR keeps what was compiled.
    """
    import torch
    import torch._inductor.config

    if len(x) > 200:
        return None, f"torch.compile: not tried, {len(x)} steps in one graph"

    def stop(*_: object) -> None:
        raise TimeoutError

    # in this process, so that nothing of it goes on behind the alarm
    torch._inductor.config.compile_threads = 1
    signal.signal(signal.SIGALRM, stop)
    begin = time.perf_counter()
    signal.alarm(seconds)
    try:
        quick = torch.compile(loop, dynamic=False)
        for call in passes(quick, x, dy).values():
            call()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if time.perf_counter() - begin >= seconds:
            return None, f"torch.compile: not done after {seconds} s"
        return None, f"torch.compile: {type(error).__name__}: {error}".splitlines()[0][:120]
    finally:
        signal.alarm(0)
    return quick, ""


def measure(
    name: str, size: tuple[int, int, int], args: argparse.Namespace, jax: Jax | None
) -> dict[str, Any]:
    """All figures of one cell at one size."""
    import torch
    from _cases import CASES, goals, work
    from _weights import disagreement, results, weights

    case, (steps, rows, width) = CASES[name], size
    torch.manual_seed(0)
    x, dy = (torch.randn(steps, rows, width) for _ in range(2))
    x.requires_grad_()
    square = torch.randn(1024, 1024)
    found: dict[str, Any] = {
        "cell": name,
        "size": list(size),
        "goals": goals(name, size, not args.default_malloc),
    }
    layer = case.layer(width)
    ours = results(layer, x, dy)
    peers, slow, notes = {"native": layer}, {}, []
    theirs = case.peer(layer)
    if different := disagreement(ours, results(theirs, x, dy)):
        sys.exit(f"{name} {size}: the peer computes something else: {different}")
    if case.kind:
        peers["torch"] = theirs
    else:
        slow["loop"] = theirs
        if args.compile:
            quick, why = compiled(theirs, x, dy, args.compile)
            slow |= {} if quick is None else {"compile": quick}
            notes.append(why)
    if name == "own":
        peers["built-in"] = CASES["peephole"].layer(width)
    ways = {"peak": Way(lambda: torch.mm(square, square))}
    for peer, module in peers.items():
        for what, call in passes(module, x, dy).items():
            ways[f"{peer} {what} 1"] = Way(call)
            if args.threads > 1 and what == "both" and peer != "built-in":
                ways[f"{peer} {what} {args.threads}"] = Way(call, args.threads)
    if jax is not None:
        given = {f"w_{n}": value for n, value in weights(layer).items()}
        there, why = jax.ways(case.jax, {"x": x, "dy": dy} | given | ours, found)
        ways |= there
        notes.append(why)
    alternate(ways, args.seconds)
    loops = {
        f"{peer} {what} 1": Way(call)
        for peer, m in slow.items()
        for what, call in passes(m, x, dy).items()
    }
    if slow:
        loops["peak"] = Way(ways["peak"].call)
        alternate(loops, args.seconds / 2, least=2)
    timed = loops | ways
    found["milliseconds"] = {way: timed[way].median for way in timed}
    found["faults"] = {way: int(statistics.median(timed[way].faults)) for way in timed}
    peak = 2 * 1024**3 / timed["peak"].median
    found["GF/s"] = peak / 1e6
    flops, both = work(name, size), timed["native both 1"].median
    figures = {
        "share forward": flops / timed["native forward 1"].median / peak,
        "share": 3 * flops / both / peak,
    }
    for peer in ("torch", "loop", "compile", "built-in", "jax"):
        if f"{peer} both 1" in timed:
            figures[peer] = timed[f"{peer} both 1"].median / both
            figures[f"{peer} forward"] = (
                timed[f"{peer} forward 1"].median / timed["native forward 1"].median
            )
    if args.threads > 1:
        figures["threads"] = both / timed[f"native both {args.threads}"].median
        if "torch" in peers:
            many = f"both {args.threads}"
            figures["torch, all threads"] = (
                timed[f"torch {many}"].median / timed[f"native {many}"].median
            )
    if both < 1:
        found["goals"]["jax"] = 0.8
    found["figures"], found["note"] = figures, "; ".join(filter(None, notes))
    return found


COLUMNS = {
    "share forward": "share f",
    "share": "share f+b",
    "torch forward": "torch.nn f",
    "torch": "torch.nn f+b",
    "loop": "loop f+b",
    "compile": "compiled loop f+b",
    "jax forward": "JAX f",
    "jax": "JAX f+b",
    "threads": "threads",
    "torch, all threads": "torch.nn, all threads",
    "built-in": "built-in",
}


def cell_of(result: Mapping[str, Any], column: str) -> str:
    """A figure, and beside it its goal if it is short of it."""
    value = result["figures"].get(column)
    if value is None:
        return ""
    goal = result["goals"].get(column)
    if goal is None:
        return f"{value:.2f}"
    return f"{value:.2f} ✓" if value >= goal else f"{value:.2f} < {goal:.2f}"


def row_of(result: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    from _cases import CASES

    size = ", ".join(map(str, result["size"]))
    times = result["milliseconds"]
    ms = [f"{times[f'native {what} 1']:.2f}" for what in ("forward", "both")]
    faults = result["faults"]
    peers = [
        f"{faults[w]}" for w in ("native both 1", "torch both 1", "loop both 1") if w in faults
    ]
    figures = [cell_of(result, c) for c in columns]
    return [CASES[result["cell"]].title, size, *ms, *figures, " / ".join(peers)]


def markdown(results: Sequence[Mapping[str, Any]], head: str, chosen: Sequence[str]) -> str:
    columns = [c for c in chosen if any(c in r["figures"] for r in results)]
    titles = ["cell", "T, B, H", "ms f", "ms f+b", *(COLUMNS[c] for c in columns), "page faults"]
    lines = [head, "", "| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(row_of(r, columns)) + " |" for r in results]
    return "\n".join(lines) + "\n"


def small_calls(seconds: float) -> list[dict[str, Any]]:
    """Microseconds of short calls, where what surrounds the arithmetic is all there is."""
    import torch
    from _cases import CASES

    print(
        "\nshort calls, B 1, H 16, one thread: µs of native (and how many times torch.nn's or the loop's)"
    )
    found = []
    for name in ("elman", "lstm", "gru", "own"):
        for steps in (1, 2, 5, 10):
            case = CASES[name]
            x, dy = (torch.randn(steps, 1, 16) for _ in range(2))
            x.requires_grad_()
            layer = case.layer(16)
            ways = {f"native {w}": Way(c) for w, c in passes(layer, x, dy).items()}
            ways |= {f"peer {w}": Way(c) for w, c in passes(case.peer(layer), x, dy).items()}
            alternate(ways, seconds, least=5)
            us = {w: 1e3 * ways[w].median for w in ways}
            found.append({"cell": name, "steps": steps, "microseconds": us})
            print(
                f"{case.title:20} T {steps:3}"
                + "".join(
                    f"   {w} {us[f'native {w}']:7.1f} ({us[f'peer {w}'] / us[f'native {w}']:.2f}x)"
                    for w in ("forward", "both")
                ),
                flush=True,
            )
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="of those in _cases.py")
    parser.add_argument("--sizes", nargs="+", metavar="T,B,H")
    parser.add_argument("--seconds", type=float, default=8.0, help="a case, about")
    parser.add_argument("--threads", type=int, default=min(MOST_THREADS, os.cpu_count() or 1))
    parser.add_argument("--default-malloc", action="store_true")
    parser.add_argument(
        "--compile",
        type=int,
        metavar="SECONDS",
        help="torch.compile of the loops too, if it takes no longer",
    )
    parser.add_argument("--jax", metavar="DIR", help="where JAX is installed")
    parser.add_argument("--no-small", action="store_true", help="leave out the short calls")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument(
        "--columns", nargs="+", choices=COLUMNS, default=list(COLUMNS), help="of the table"
    )
    return parser.parse_args()


def start_again_with_malloc() -> None:
    """glibc reads its settings when a process starts."""
    if any(os.environ.get(name) != value for name, value in MALLOC.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)


def main() -> None:
    args = arguments()
    if not args.default_malloc:
        start_again_with_malloc()
    import torch
    from _cases import CASES, SIZES

    from mnemonist.engine.native import library

    sizes = SIZES if not args.sizes else [tuple(map(int, s.split(","))) for s in args.sizes]
    jax = Jax(args.jax) if args.jax else None
    malloc = "default" if args.default_malloc else "that keeps its memory"
    head = (
        f"{library.describe()}, torch {torch.__version__}"
        + (f", JAX {jax.version}" if jax else "")
        + f", Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"malloc {malloc}; float32; f: forward, f+b: with backward; ratios are the peer's time over ours; "
        f"threads: {args.threads} against 1, f+b"
    )
    print(head + "\n")
    results = []
    begin = time.perf_counter()
    for name in args.cells or CASES:
        for size in sizes:
            result = measure(name, size, args, jax)
            results.append(result)
            title, where, *ms = row_of(result, ())
            figures = "  ".join(
                f"{COLUMNS[c]} {cell_of(result, c)}" for c in COLUMNS if c in result["figures"]
            )
            print(f"{title:20}{where:>13}  {ms[0]:>8} {ms[1]:>8} ms  {figures}", end="")
            print(
                f"  faults {ms[-1]}" + (f"  [{result['note']}]" if result["note"] else ""),
                flush=True,
            )
    short = [
        f"{r['cell']} {r['size']} {c}: {r['figures'][c]:.2f}, goal {goal:.2f}"
        for r in results
        for c, goal in r["goals"].items()
        if c in r["figures"] and r["figures"][c] < goal
    ]
    print(
        f"\n{len(results)} cases in {time.perf_counter() - begin:.0f} s; short of their goal: {len(short)}"
    )
    print("\n".join(short))
    small = [] if args.no_small else small_calls(args.seconds / 8)
    if args.json:
        Path(args.json).write_text(
            json.dumps({"setting": head, "grid": results, "small": small}, indent=1)
        )
    if args.markdown:
        Path(args.markdown).write_text(markdown(results, head, args.columns))


if __name__ == "__main__":
    main()
