"""The kernels of the compiled engine, one by one, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/kernels.py [--isa avx512] [--wide] [--only gemm]

- `gemm`: products with a packed weight, as a share of the speed of `torch.mm` at 1024³ in the
  same round.
- `gemm_tn`: weight gradients, as a share of the speed of `torch.mm` on the same product.
- `ops`: nanoseconds a vector of each elementwise operation, on 1,024 elements in the first-level
  cache, as 16 rows of 64 with gaps between them (as tiles are) and without gaps.

Figures are medians over rounds in which all take turns, of CPU time, which other programs on the
machine disturb least.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

from mnemonist import _native
from mnemonist.engine.native.plan import OPS

kernels = _native.testing

ROWS = (1, 2, 3, 4, 5, 6, 8, 16, 17, 32, 256)
WEIGHTS = (
    (64, 64),
    (256, 64),
    (512, 128),
    (1024, 256),
    (100, 100),
    (130, 130),
    (2048, 512),
    (2048, 1024),
)
GRADIENTS = (  # rows, m, n
    (3200, 512, 128),
    (16000, 256, 64),
    (3200, 1024, 256),
    (3200, 2048, 512),
    (12800, 1024, 256),
    (100, 512, 128),
    (3200, 400, 100),
    (3200, 512, 1),
    (100000, 128, 32),
)
BINARY = ("add", "sub", "mul", "div", "pow", "max", "min", "gt", "and", "dtanh", "dsigmoid")
BINARY += ("mul_tanh", "sum_times")
TERNARY = ("where", "fma", "mul_dtanh", "mul_dsigmoid", "sub_mul", "mix")
TERNARY += ("dot_times", "spread_times", "dnormalised")
NUMBERS = {"sum_times": 2, "sub_mul": 6, "dot_times": 4, "spread_times": 6, "dnormalised": 4}
"""Operands that are one number a row; none where an operation is not named."""
UNARY = (
    "copy",
    "neg",
    "exp",
    "log",
    "tanh",
    "sigmoid",
    "softplus",
    "erf",
    "sin",
    "sqrt",
    "rsqrt",
    "sum",
    "amax",
)


def seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def rounds(ways: Mapping[object, Callable[[], object]], count: int) -> dict[object, list[float]]:
    """Seconds of each way in each round, after a round to warm up."""
    taken: dict[object, list[float]] = {key: [] for key in ways}
    for done in range(count + 1):
        for key, way in ways.items():
            way()
            spent = seconds(way)
            if done:
                taken[key].append(spent)
    return taken


def array(dtype: type, *shape: int) -> np.ndarray:
    """Random numbers, from a multiple of 64 bytes on, as the engine's own buffers are."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.empty(size + 64, np.uint8)
    offset = -room.ctypes.data % 64
    made = room[offset : offset + size].view(dtype).reshape(shape)
    made[...] = np.random.default_rng(0).uniform(-1, 1, shape)
    return made


def gemm(isa: str, dtype: type, count: int) -> None:
    print("products with a packed weight: GF/s (share of torch.mm at 1024³)")
    print(f"{'n, k':>12}{'kB':>6}" + "".join(f"{'m=' + str(m):>12}" for m in ROWS))
    square = torch.from_numpy(array(dtype, 1024, 1024))
    for n, k in WEIGHTS:
        w = array(dtype, n, k)
        packed = np.empty(kernels.packed_size(isa, w), dtype)
        kernels.pack(isa, w, packed)
        ways: dict[object, Callable[[], object]] = {"torch": lambda: torch.mm(square, square)}
        work = {}
        for m in ROWS:
            a, c = array(dtype, m, k), array(dtype, m, n)
            work[m] = max(1, 100_000_000 // (2 * m * n * k))
            ways[m] = lambda a=a, c=c, packed=packed, repeats=work[m]: kernels.gemm(
                isa, a, packed, c, repeats=repeats
            )
        taken = rounds(ways, count)
        cells = []
        for m in ROWS:
            flops = 2 * m * n * k * work[m]
            speed = statistics.median(flops / t for t in taken[m])
            share = statistics.median(
                flops / t / (2 * 1024**3 / peak) for t, peak in zip(taken[m], taken["torch"])
            )
            cells.append(f"{speed / 1e9:5.0f} ({share:4.2f})")
        size = n * k * np.dtype(dtype).itemsize // 1024
        print(f"{f'{n}, {k}':>12}{size:>6}" + "".join(f"{c:>12}" for c in cells), flush=True)


def gemm_tn(isa: str, dtype: type, count: int) -> None:
    print("weight gradients: GF/s, share of torch.mm on the same, and largest error by float64")
    for rows, m, n in GRADIENTS:
        a, b = array(dtype, rows, m), array(dtype, rows, n)
        c, at, bt = np.empty((m, n), dtype), torch.from_numpy(a), torch.from_numpy(b)
        out = torch.empty(m, n, dtype=at.dtype)
        taken = rounds(
            {
                "ours": lambda a=a, b=b, c=c: kernels.gemm_tn(isa, a, b, c),
                "torch": lambda at=at, bt=bt, out=out: torch.mm(at.t(), bt, out=out),
            },
            count,
        )
        share = statistics.median(t / o for o, t in zip(taken["ours"], taken["torch"]))
        speed = 2 * rows * m * n / statistics.median(taken["ours"]) / 1e9
        exact = a.astype(float).T @ b.astype(float)
        ours, torchs = (float(np.sqrt(np.mean((x - exact) ** 2))) for x in (c, out.numpy()))
        print(
            f"{f'{rows}, {m}, {n}':>18}  {speed:5.0f}  {share:4.2f}   rms {ours:.2e} (torch {torchs:.2e})",
            flush=True,
        )


def ops(isa: str, dtype: type, count: int) -> None:
    lanes, _ = kernels.widths(isa, dtype is np.float64)
    print(f"elementwise: ns a vector of {lanes}: 16 rows of 64 in 80, and 1,024 at once")
    repeats = 1000
    operands = [array(dtype, 16, 80)[:, :64] for _ in range(4)]
    flat = [array(dtype, 1, 1024) for _ in range(4)]
    for operand in (*operands, *flat):
        np.abs(operand, out=operand)
    names = [*BINARY, *TERNARY, *UNARY]
    ways: dict[object, Callable[[], object]] = {}
    for name in names:
        op, numbers = OPS.index(name), NUMBERS.get(name, 0)
        ways[name, 0] = lambda op=op, numbers=numbers: kernels.run(
            isa, [(op, numbers, 0, 1, 2, 3, 64)], operands, 16, repeats
        )
        ways[name, 1] = lambda op=op, numbers=numbers: kernels.run(
            isa, [(op, numbers, 0, 1, 2, 3, 1024)], flat, 1, repeats
        )
    taken = rounds(ways, count)
    vectors = 1024 / lanes * repeats
    for name in names:
        times = (1e9 * statistics.median(taken[name, shape]) / vectors for shape in (0, 1))
        print(f"{name:>12}" + "".join(f"{t:8.2f}" for t in times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", default=_native.best_isa())
    parser.add_argument("--wide", action="store_true", help="float64")
    parser.add_argument("--only", choices=["gemm", "gemm_tn", "ops"])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    dtype = np.float64 if args.wide else np.float32
    print(f"{args.isa}, {np.dtype(dtype).name}, torch {torch.__version__}")
    for part in (gemm, gemm_tn, ops):
        if args.only in (None, part.__name__):
            part(args.isa, dtype, args.rounds)


if __name__ == "__main__":
    main()
