"""One step of one row (B 1, T 1) through Python, beside torch.nn and ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/streaming.py [--hidden 64 128 256 512] [--cpu-time] [--errors]

Prints microseconds a step: the median over rounds in which all ways take turns, each for a few
milliseconds, with the state carried from step to step. On a machine that is busy with other
things, ``--cpu-time`` gives the processor's time in place of the wall clock's. ONNX Runtime takes
part where `onnxruntime` and `onnx` are installed. ``--errors`` trains character models for a minute
and prints what fewer bits cost them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from mnemonist import cells
from mnemonist.cells import LSTM
from mnemonist.engine import Stepper
from mnemonist.engine.native import library

WAYS = ("float32", "bfloat16", "int8", "LSTMCell", "nn.LSTM", "ONNX Runtime")
ROUND = 4e-3  # seconds of one way at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--errors", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, 1 thread, engine: {library.describe()}")
    if arguments.errors:
        errors()
        return
    print(f"{'LSTM, I = H':>12}" + "".join(f"{way:>14}" for way in WAYS) + "   microseconds a step")
    for hidden in arguments.hidden:
        clock = time.thread_time if arguments.cpu_time else time.perf_counter
        times = medians(ways(hidden), arguments.rounds, clock)
        row = "".join(f"{times[w]:14.2f}" if w in times else f"{'-':>14}" for w in WAYS)
        print(f"{hidden:12}{row}")
        ratios = "".join(
            f"{times[w] / times['float32']:13.2f}x" if w in times else f"{'-':>14}" for w in WAYS
        )
        print(f"{'':12}{ratios}   of float32", flush=True)


def ways(hidden: int) -> dict[str, Callable[[], object]]:
    """A step by each way."""
    x = torch.randn(1, hidden)
    found: dict[str, Callable[[], object]] = {}
    for precision in WAYS[:3]:
        stepper = Stepper(LSTM(hidden, hidden), precision=precision)
        found[precision] = lambda stepper=stepper: stepper.step(x)
    cell, layer = nn.LSTMCell(hidden, hidden), nn.LSTM(hidden, hidden)
    found["LSTMCell"] = carried(lambda state: cell(x, state), hidden)
    found["nn.LSTM"] = carried(lambda state: layer(x[None], state)[1], 1, hidden)
    runtime = onnx_runtime(hidden)
    if runtime is not None:
        found["ONNX Runtime"] = runtime
    return found


def carried(step: Callable[..., tuple[Tensor, Tensor]], *shape: int) -> Callable[[], object]:
    """A step from the state of the step before, without autograd."""
    state = (torch.zeros(1, *shape), torch.zeros(1, *shape))

    def call() -> None:
        nonlocal state
        with torch.inference_mode():
            state = step(state)

    return call


def onnx_runtime(hidden: int) -> Callable[[], object] | None:
    """A step by ONNX Runtime's LSTM operator, or None where it is not installed."""
    try:
        import numpy as np
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return None
    rng = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> object:
        values = rng.uniform(-1, 1, shape).astype(np.float32) / hidden**0.5
        return numpy_helper.from_array(values, name)

    def value(name: str) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, hidden])

    node = helper.make_node(
        "LSTM", ["x", "W", "R", "B", "", "h", "c"], ["", "h1", "c1"], hidden_size=hidden
    )
    weights = [
        weight("W", 1, 4 * hidden, hidden),
        weight("R", 1, 4 * hidden, hidden),
        weight("B", 1, 8 * hidden),
    ]
    inputs, outputs = [value(n) for n in ("x", "h", "c")], [value(n) for n in ("h1", "c1")]
    graph = helper.make_graph([node], "step", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feeds = {name: np.zeros((1, 1, hidden), np.float32) for name in ("h", "c")}
    feeds["x"] = rng.standard_normal((1, 1, hidden)).astype(np.float32)

    def call() -> None:
        feeds["h"], feeds["c"] = session.run(None, feeds)

    return call


def medians(
    found: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Microseconds a call: the median over rounds in which all take turns."""
    counts = {}
    for name, call in found.items():
        call()
        begin = clock()
        call()
        once = clock() - begin
        counts[name] = max(1, min(1000, round(ROUND / once)))
    taken: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, call in found.items():
            begin = clock()
            for _ in range(counts[name]):
                call()
            taken[name].append((clock() - begin) / counts[name])
    return {name: 1e6 * statistics.median(times) for name, times in taken.items()}


def errors(hidden: int = 128, seconds: float = 60.0) -> None:
    """Train a character model on this file, and step through it in fewer bits."""
    text = Path(__file__).read_text(encoding="utf-8")
    alphabet = sorted(set(text))
    codes = torch.tensor([alphabet.index(c) for c in text])
    names = ("lstm", "gru")
    for name in names:
        torch.manual_seed(0)
        model = CharacterModel(name, len(alphabet), hidden)
        loss = train(model, codes, seconds / len(names))
        x = nn.functional.one_hot(codes[:3000], len(alphabet)).float()[:, None]
        exact, bits = outputs(model, x, codes, None)
        print(f"{name}, H {hidden}: loss {loss:.3f} nats a character after training")
        print(f"  float32: {bits:.4f} nats, largest output {exact.abs().max():.3f}")
        for precision in ("bfloat16", "int8"):
            found, bits = outputs(model, x, codes, precision)
            error = found - exact
            print(
                f"  {precision}: {bits:.4f} nats, error of outputs at most "
                f"{error.abs().max():.1e}, rms {error.square().mean().sqrt():.1e}"
            )


class CharacterModel(nn.Module):
    """The next character, from one-hot characters."""

    def __init__(self, name: str, characters: int, hidden: int) -> None:
        super().__init__()
        self.cell = cells.get(name)(characters, hidden)
        self.readout = nn.Linear(hidden, characters)


def train(model: CharacterModel, codes: Tensor, seconds: float, window: int = 64) -> float:
    """Adam on random windows for a while; the mean loss of the last steps."""
    from mnemonist.engine import unroll

    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    characters = model.readout.out_features
    losses: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        starts = torch.randint(0, len(codes) - window - 1, (16,))
        rows = torch.stack([codes[s : s + window + 1] for s in starts], 1)
        x = nn.functional.one_hot(rows[:-1], characters).float()
        logits = model.readout(unroll(model.cell, x).output)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), rows[1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return statistics.mean(losses[-20:])


def outputs(
    model: CharacterModel, x: Tensor, codes: Tensor, precision: str | None
) -> tuple[Tensor, float]:
    """The cell's outputs step by step, and the loss that they give."""
    stepper = Stepper(model.cell, precision=precision)
    found = torch.stack([stepper.step(now).clone() for now in x])
    with torch.no_grad():
        logits = model.readout(found).flatten(0, 1)
        return found, nn.functional.cross_entropy(logits, codes[1 : len(x) + 1]).item()


if __name__ == "__main__":
    main()
