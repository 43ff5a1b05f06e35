"""Forward and backward of a cell by each executor, beside torch.nn where torch has the cell.

    OMP_NUM_THREADS=1 python benchmarks/executors.py [CELL ...]

Prints milliseconds (medians of alternating runs) and, for each executor, the ratio of the
eager executor's time to its own. The choice in ``mnemonist/engine/executors.py`` rests on it.
"""

from __future__ import annotations

import sys

import torch
from paired import medians

from mnemonist import cells
from mnemonist.engine import EXECUTORS, unroll, why_not

SHAPES = [(10, 32, 16), (100, 1, 16), (100, 32, 128), (1000, 16, 64)]
CELLS = ["elman", "lstm", "lstm_peephole", "gru", "gru_reset_before", "lstm_layer_norm", "mingru"]
TORCH = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def main(chosen: list[str]) -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), default malloc")
    print(f"{'cell':18}{'T,B,H':>14} " + "".join(f"{e:>18}" for e in (*EXECUTORS, "torch.nn")))
    for name in chosen or CELLS:
        for steps, rows, hidden in SHAPES:
            torch.manual_seed(0)
            cell = cells.get(name)(hidden, hidden)
            x = torch.randn(steps, rows, hidden, requires_grad=True)

            def by(executor: str, cell=cell, x=x):
                def call() -> None:
                    unroll(cell, x, executor=executor).output.sum().backward()

                return call

            ways = {e: by(e) for e in EXECUTORS if why_not(cell, e) is None}
            if name in TORCH:
                layer = TORCH[name](hidden, hidden)
                ways["torch.nn"] = lambda layer=layer, x=x: layer(x)[0].sum().backward()
            times = medians(ways)
            row = "".join(
                f"{times[e]:9.2f} ({times['eager'] / times[e]:5.1f}x)"
                if e in times
                else f"{'-':>18}"
                for e in (*EXECUTORS, "torch.nn")
            )
            print(f"{name:18}{f'{steps},{rows},{hidden}':>14} {row}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
