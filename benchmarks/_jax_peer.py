"""JAX's side of the benchmark: a process that runs `lax.scan` under jit, one case at a time.

It reads one JSON object a line and answers each with one. ``{"cell", "file"}`` names an .npz with
``x``, ``dy``, the weights (``w_NAME``, see `_weights`) and what the engine made of them (``y``,
``dx``, ``d_NAME``): the case is compiled, compared with that, and the unrolling of the scan chosen
that is fastest, forwards and with gradients each for itself. ``{"what", "times"}`` then runs
"forward" or "both" so many times and answers ``{"seconds"}``. Errors are ``{"error"}``.

The process runs on the one core that it was started on. x is projected for all steps before the
scan, gates are one product, gradients are those of x and of all weights, by `jax.vjp`. JAX adds
up the gradient of U within the scan backwards: that is what differentiating a scan does. Where
JAX_COMPILATION_CACHE_DIR is set, what it compiled is kept for the next run.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as np
import numpy
from jax.nn import sigmoid

TWO_STATES = ("lstm", "peephole", "cifg", "layer_norm", "multiplicative")
UNROLL = (1, 2, 4)
MOST_TRIES, TRY_SECONDS = 20, 0.3
TOLERANCE = 1e-3
"""Of the largest number of a result: float32, up to 1,000 steps and sums over all of them."""


def normal(v, gain, shift=0.0):
    centred = v - v.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def elman(p, h, g):
    return np.tanh(g + h @ p["U"])


def gru(p, h, g):
    width = h.shape[-1]
    u = h @ p["U"] + p["c"]
    r, z = np.split(sigmoid(g[:, : 2 * width] + u[:, : 2 * width]), 2, -1)
    n = np.tanh(g[:, 2 * width :] + r * u[:, 2 * width :])
    return n + z * (h - n)


def gru_before(p, h, g):
    width = h.shape[-1]
    r, z = np.split(sigmoid(g[:, : 2 * width] + h @ p["U"][:, : 2 * width]), 2, -1)
    n = np.tanh(g[:, 2 * width :] + (r * h) @ p["U"][:, 2 * width :])
    return n + z * (h - n)


def lstm(p, h, c, g):
    i, f, z, o = np.split(g + h @ p["U"], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(z)
    return sigmoid(o) * np.tanh(c), c


def peephole(p, h, c, g):
    i, f, z, o = np.split(g + h @ p["U"], 4, -1)
    i, f = sigmoid(i + p["peep"][0] * c), sigmoid(f + p["peep"][1] * c)
    c = f * c + i * np.tanh(z)
    return sigmoid(o + p["peep"][2] * c) * np.tanh(c), c


def cifg(p, h, c, g):
    i, z, o = np.split(g + h @ p["U"], 3, -1)
    c = c + sigmoid(i + p["peep"][0] * c) * (np.tanh(z) - c)
    return sigmoid(o + p["peep"][1] * c) * np.tanh(c), c


def layer_norm(p, h, c, g):
    i, f, z, o = np.split(g + normal(h @ p["U"], p["gain_h"]), 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(z)
    return sigmoid(o) * np.tanh(normal(c, p["gain_c"], p["shift_c"])), c


def multiplicative(p, h, c, g, m):
    return lstm(p, m * (h @ p["M"]), c, g)


STEPS = {
    step.__name__: step
    for step in (elman, gru, gru_before, lstm, peephole, cifg, layer_norm, multiplicative)
}


def run(cell: str, unroll: int, p, x):
    """h at every step, from a state of zeros."""
    given = x @ p["W"] + p.get("b", 0.0)
    if cell == "layer_norm":
        given = normal(given, p["gain_x"], p["shift_x"])
    inputs = (given, x @ p["F"]) if cell == "multiplicative" else (given,)
    zero = np.zeros((x.shape[1], p["U"].shape[0]), x.dtype)
    step = STEPS[cell]

    def two(state, now):
        state = step(p, *state, *now)
        return state, state[0]

    def one(h, now):
        h = step(p, h, *now)
        return h, h

    body, start = (two, (zero, zero)) if cell in TWO_STATES else (one, zero)
    return jax.lax.scan(body, start, inputs, unroll=unroll)[1]


def both(cell: str, unroll: int, p, x, dy):
    y, back = jax.vjp(partial(run, cell, unroll), p, x)
    return y, *back(dy)


def spent(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        jax.block_until_ready(call())
    return time.perf_counter() - begin


def fastest(ways: dict[int, Callable[[], object]]) -> int:
    """The unrolling with the shortest of a few calls, in turns."""
    for call in ways.values():
        spent(call, 1)  # compiles
    shortest = dict.fromkeys(ways, float("inf"))
    begin = time.perf_counter()
    for _ in range(MOST_TRIES):
        for unroll, call in ways.items():
            shortest[unroll] = min(shortest[unroll], spent(call, 1))
        if time.perf_counter() - begin > TRY_SECONDS:
            break
    return min(shortest, key=lambda unroll: shortest[unroll])


def deviation(given: Any, y, dp, dx) -> float:
    """The largest difference from the engine's results, over the largest number of each."""
    theirs = {"y": y, "dx": dx}
    theirs |= {f"d_{name}": value.T if name in "WUFM" else value for name, value in dp.items()}
    return max(
        float(numpy.abs(given[name] - value).max() / numpy.abs(given[name]).max())
        for name, value in theirs.items()
    )


def prepare(cell: str, file: str) -> tuple[dict[str, Callable[[], object]], dict[str, Any]]:
    """The case's calls, and what is to be said about them."""
    given = dict(numpy.load(file))
    matrices = ("w_W", "w_U", "w_F", "w_M")  # here the other way round: x W + h U
    p = {
        n.removeprefix("w_"): np.asarray(v.T.copy() if n in matrices else v)
        for n, v in given.items()
        if n.startswith("w_")
    }
    x, dy = np.asarray(given["x"]), np.asarray(given["dy"])
    forward = {u: partial(jax.jit(partial(run, cell, u)), p, x) for u in UNROLL}
    backward = {u: partial(jax.jit(partial(both, cell, u)), p, x, dy) for u in UNROLL}
    best = {"forward": fastest(forward), "both": fastest(backward)}
    calls = {"forward": forward[best["forward"]], "both": backward[best["both"]]}
    steps = len(given["y"])  # those that are compared
    off = deviation(given, *jax.jit(partial(both, cell, 1))(p, x[:steps], dy[:steps]))
    if not off < TOLERANCE:
        raise ValueError(f"JAX's numbers differ from the engine's by {off:.1e}")
    return calls, {"unroll": best, "deviation": off}


def main() -> None:
    print(json.dumps({"version": jax.__version__}), flush=True)
    calls: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if "file" in question:
                calls, said = prepare(**question)
            else:
                said = {"seconds": spent(calls[question["what"]], question["times"])}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
