"""One step of one row (B 1, T 1) through Python, beside torch.nn and ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/streaming.py [--hidden 64 128 256 512] [--cpu-time] [--errors]

Prints microseconds a step: the median over rounds in which all ways take turns, each for a few
milliseconds, with the state carried from step to step, all of them in one `torch.inference_mode`.
All have the same weights, and are checked to give the same h before they are timed. On a machine
that is busy with other things, ``--cpu-time`` gives the processor's time in place of the wall
clock's. ONNX Runtime takes part where `onnxruntime` and `onnx` are installed (``pip install --target
DIR onnx onnxruntime`` and PYTHONPATH=DIR), by `session.run` with arrays and by I/O binding, of which
the faster counts. ``--errors`` trains character models for a minute and prints what fewer bits cost them.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mnemonist import cells
from mnemonist.cells import LSTM
from mnemonist.engine import Stepper
from mnemonist.engine.native import library

WAYS = ("float32", "bfloat16", "int8", "LSTMCell", "nn.LSTM", "ONNX Runtime")
BOUND = "ONNX Runtime, bound"
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
    print(
        f"torch {torch.__version__}, ONNX Runtime {onnx_version()}, 1 thread, "
        f"engine: {library.describe()}, load {os.getloadavg()[0]:.1f}"
    )
    if arguments.errors:
        errors()
        return
    clock = time.thread_time if arguments.cpu_time else time.perf_counter
    what = "CPU time" if arguments.cpu_time else "microseconds"
    print(f"{'LSTM, I = H':>12}" + "".join(f"{way:>14}" for way in WAYS) + f"   {what} a step")
    for hidden in arguments.hidden:
        with torch.inference_mode():
            times = medians(ways(hidden), arguments.rounds, clock)
        bound = times.pop(BOUND, math.inf)
        if "ONNX Runtime" in times:
            times["ONNX Runtime"] = min(times["ONNX Runtime"], bound)
        row = "".join(f"{times[w]:14.2f}" if w in times else f"{'-':>14}" for w in WAYS)
        print(f"{hidden:12}{row}")
        ratios = "".join(
            f"{times[w] / times['float32']:13.2f}x" if w in times else f"{'-':>14}" for w in WAYS
        )
        print(f"{'':12}{ratios}   of float32", flush=True)


def ways(hidden: int) -> dict[str, Callable[[], Tensor]]:
    """A step by each way; it returns h."""
    x = torch.randn(1, hidden)
    theirs, layer, ours = nn.LSTMCell(hidden, hidden), nn.LSTM(hidden, hidden), LSTM(hidden, hidden)
    layer.load_state_dict({f"{name}_l0": w for name, w in theirs.state_dict().items()})
    for number, gate in enumerate((ours.input, ours.forget, ours.block, ours.output)):
        gate.W.copy_(theirs.weight_ih.chunk(4)[number])
        gate.U.copy_(theirs.weight_hh.chunk(4)[number])
        gate.b.copy_((theirs.bias_ih + theirs.bias_hh).chunk(4)[number])
    found: dict[str, Callable[[], Tensor]] = {}
    for precision in WAYS[:3]:
        found[precision] = partial(Stepper(ours, precision=precision).step, x)
    found["LSTMCell"] = carried(lambda state: theirs(x, state), hidden)
    found["nn.LSTM"] = carried(lambda state: layer(x[None], state)[1], 1, hidden)
    found |= onnx_runtime(theirs, x)
    check(found)
    return found


def check(found: Mapping[str, Callable[[], Tensor]], steps: int = 5) -> None:
    """All ways come to the same h after a few steps; fewer bits to nearly the same."""
    right: Tensor | None = None
    for name, step in found.items():
        h = [step().reshape(-1).clone() for _ in range(steps)][-1]
        right = h if right is None else right
        off = float((h - right).abs().max())
        if not off < (2e-2 if name in ("bfloat16", "int8") else 1e-5):
            raise SystemExit(f"{name} comes to other numbers: they are off by {off:.1e}")


def carried(step: Callable[..., tuple[Tensor, Tensor]], *shape: int) -> Callable[[], Tensor]:
    """A step from the state of the step before."""
    state = (torch.zeros(1, *shape), torch.zeros(1, *shape))

    def call() -> Tensor:
        nonlocal state
        state = step(state)
        return state[0]

    return call


def onnx_version() -> str:
    try:
        import onnxruntime
    except ImportError:
        return "not installed"
    return onnxruntime.__version__


def onnx_model(cell: nn.LSTMCell) -> bytes:
    """One step as ONNX's LSTM operator."""
    from onnx import TensorProto, helper, numpy_helper

    hidden = cell.hidden_size

    def weight(name: str, *parts: Tensor) -> object:
        # ONNX has the gates in the order input, output, forget, block
        i, f, z, o = range(4)
        rows = torch.cat([part.chunk(4)[gate] for part in parts for gate in (i, o, f, z)])
        return numpy_helper.from_array(rows[None].detach().numpy(), name)

    def value(name: str) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, hidden])

    node = helper.make_node(
        "LSTM", ["x", "W", "R", "B", "", "h", "c"], ["", "h1", "c1"], hidden_size=hidden
    )
    weights = [weight("W", cell.weight_ih), weight("R", cell.weight_hh)]
    weights.append(weight("B", cell.bias_ih, cell.bias_hh))
    inputs, outputs = [value(n) for n in ("x", "h", "c")], [value(n) for n in ("h1", "c1")]
    graph = helper.make_graph([node], "step", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def onnx_runtime(cell: nn.LSTMCell, x: Tensor) -> dict[str, Callable[[], Tensor]]:
    """A step by ONNX Runtime in two ways; none where it is not installed."""
    try:
        import numpy as np
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError:
        return {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(cell), options, providers=["CPUExecutionProvider"]
    )
    feeds = {name: np.zeros((1, 1, cell.hidden_size), np.float32) for name in ("h", "c")}
    feeds["x"] = x[None].numpy()

    def run() -> Tensor:
        feeds["h"], feeds["c"] = session.run(None, feeds)
        return torch.from_numpy(feeds["h"])

    # two states that are read and written in turns, bound once
    pages = [[torch.zeros(1, 1, cell.hidden_size) for _ in range(2)] for _ in range(2)]
    bindings = []
    for read, written in (pages, pages[::-1]):
        binding = session.io_binding()
        for name, tensor in zip(("x", "h", "c"), (x[None], *read)):
            binding.bind_input(name, "cpu", 0, np.float32, tensor.shape, tensor.data_ptr())
        for name, tensor in zip(("h1", "c1"), written):
            binding.bind_output(name, "cpu", 0, np.float32, tensor.shape, tensor.data_ptr())
        bindings.append(binding)
    turn = 0

    def run_bound() -> Tensor:
        nonlocal turn
        session.run_with_iobinding(bindings[turn])
        turn = 1 - turn
        return pages[turn][0]

    return {"ONNX Runtime": run, BOUND: run_bound}


def medians(
    found: Mapping[str, Callable[[], Tensor]], rounds: int, clock: Callable[[], float]
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
