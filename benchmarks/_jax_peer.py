"""JAX's side of the benchmark: a process that times `lax.scan` under jit, case by case.

It reads one JSON object a line, ``{"cell", "steps", "rows", "width", "seconds"}``, and answers
each with ``{"forward", "both"}`` in milliseconds, or ``{"error"}``. It runs on one core, which it
was started on; weights are drawn, x is projected for all steps before the scan.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as np
from jax.nn import sigmoid

GATES = {"elman": 1, "gru": 3, "gru_before": 3, "cifg": 3}


def normal(v, gain, shift):
    centred = v - v.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def step(cell: str, p, h, c, g, m):
    width = h.shape[-1]
    if cell == "elman":
        return np.tanh(g + h @ p["U"]), c
    if cell == "gru":
        u = h @ p["U"] + p["c"]
        r, z = (sigmoid(g[:, a : a + width] + u[:, a : a + width]) for a in (0, width))
        n = np.tanh(g[:, 2 * width :] + r * u[:, 2 * width :])
        return (1 - z) * n + z * h, c
    if cell == "gru_before":
        r, z = np.split(sigmoid(g[:, : 2 * width] + h @ p["U"][:, : 2 * width]), 2, -1)
        n = np.tanh(g[:, 2 * width :] + (r * h) @ p["U"][:, 2 * width :])
        return (1 - z) * n + z * h, c
    if cell == "cifg":
        i, z, o = np.split(g + h @ p["U"], 3, -1)
        i = sigmoid(i + p["peep"][0] * c)
        c = (1 - i) * c + i * np.tanh(z)
        return sigmoid(o + p["peep"][1] * c) * np.tanh(c), c
    if cell == "layer_norm":
        u = normal(h @ p["U"], p["gain"], p["shift"])
    else:
        u = (m * (h @ p["M"]) if cell == "multiplicative" else h) @ p["U"]
    i, f, z, o = np.split(g + u, 4, -1)
    if cell == "peephole":
        i, f = i + p["peep"][0] * c, f + p["peep"][1] * c
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(z)
    o = o + p["peep"][2] * c if cell == "peephole" else o
    inner = normal(c, p["gain_c"], p["shift_c"]) if cell == "layer_norm" else c
    return sigmoid(o) * np.tanh(inner), c


def run(cell: str, p, x):
    given = x @ p["W"] + p["b"]
    if cell == "layer_norm":
        given = normal(given, p["gain"], p["shift"])
    factors = x @ p["F"] if cell == "multiplicative" else x
    zero = np.zeros(x.shape[1:], x.dtype)

    def body(state, now):
        h, c = step(cell, p, *state, *now)
        return (h, c), h

    return jax.lax.scan(body, (zero, zero), (given, factors))[1]


def parameters(cell: str, width: int):
    wide = GATES.get(cell, 4) * width
    shapes = {"W": (width, wide), "U": (width, wide), "b": (wide,), "c": (wide,)}
    shapes |= {"peep": (3, width), "M": (width, width), "F": (width, width)}
    shapes |= {"gain": (wide,), "shift": (wide,), "gain_c": (width,), "shift_c": (width,)}
    keys = jax.random.split(jax.random.PRNGKey(0), len(shapes))
    scale = width**-0.5
    return {n: scale * jax.random.normal(k, s) for k, (n, s) in zip(keys, shapes.items())}


def milliseconds(call: Callable[[], object], seconds: float) -> float:
    jax.block_until_ready(call())
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        jax.block_until_ready(call())
        taken.append(time.perf_counter() - start)
    return 1e3 * statistics.median(taken)


def answer(cell: str, steps: int, rows: int, width: int, seconds: float) -> dict[str, float]:
    p = parameters(cell, width)
    x, dy = jax.random.normal(jax.random.PRNGKey(1), (2, steps, rows, width))
    forward = jax.jit(lambda p, x: run(cell, p, x))

    @jax.jit
    def both(p, x, dy):
        y, back = jax.vjp(lambda p, x: run(cell, p, x), p, x)
        return y, back(dy)

    return {
        "forward": milliseconds(lambda: forward(p, x), seconds / 2),
        "both": milliseconds(lambda: both(p, x, dy), seconds / 2),
    }


def main() -> None:
    print(json.dumps({"version": jax.__version__}), flush=True)
    for line in sys.stdin:
        try:
            found = answer(**json.loads(line))
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
