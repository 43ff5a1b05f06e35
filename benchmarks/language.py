"""Tokens a second of training a language model, beside a plain loop over torch.nn.

    OMP_NUM_THREADS=2 python benchmarks/language.py [--hidden 256] [--rows 32] [--steps 100]
        [--types 90 10000] [--cells lstm gru lstm_peephole]

One update: embedding, recurrent layer, softmax, cross entropy, backward pass, clipping, Adam. The
peer is what one writes by hand with torch.nn; a cell that torch.nn lacks has no peer. Both take
turns, the state is carried on and detached, and the median over the rounds is printed; behind it
the billions of operations a second as `token_budget` counts them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from _updates import updates
from paired import medians
from torch import Tensor, nn

from mnemonist.cells import resolve
from mnemonist.tasks.common.config import configured, nested
from mnemonist.tasks.language.batches import TokenStreams
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.model import LanguageObjective, build
from mnemonist.tasks.language.resolve import operations

EMBEDDING = 64
PEERS = {"lstm": nn.LSTM, "gru": nn.GRU}


def configuration(cell: str, hidden: int) -> LanguageConfig:
    """A full softmax with weights of its own, as the peer has it."""
    options = {"cell": cell, "hidden_size": hidden, "embedding_size": EMBEDDING}
    return configured(
        LanguageConfig, nested(LanguageConfig, options | {"tie": False, "softmax": "full"})
    )


def ours(config: LanguageConfig, types: int, batches: TokenStreams) -> Callable[[], None]:
    """An update as `mnemonist train language` makes it."""
    model, objective = build(config, types, resolve(config.cell)), LanguageObjective()
    generator, kept = torch.Generator(), [0, None]

    def loss() -> Tensor:
        index, carried = kept
        batch = batches.batch(0, index % len(batches))
        result = objective.loss(model, batch, carried=carried, forcing=1.0, generator=generator)
        kept[:] = index + 1, {name: value.detach() for name, value in result.carried.items()}
        return result.total / result.weight

    return updates(model.parameters(), loss)


def plain(cell: str, hidden: int, types: int, batches: TokenStreams) -> Callable[[], None]:
    """The same update over torch.nn."""
    table, layer = nn.Embedding(types, EMBEDDING), PEERS[cell](EMBEDDING, hidden)
    head = nn.Linear(hidden, types)
    parameters = [p for module in (table, layer, head) for p in module.parameters()]
    kept: list = [0, None]

    def loss() -> Tensor:
        index, state = kept
        batch = batches.batch(0, index % len(batches))
        output, state = layer(table(batch["read"]), state)
        after = state.detach() if isinstance(state, Tensor) else tuple(s.detach() for s in state)
        kept[:] = index + 1, after
        return nn.functional.cross_entropy(head(output).flatten(0, 1), batch["next"].flatten())

    return updates(parameters, loss)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--types", type=int, nargs="+", default=[90, 10_000])
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "lstm_peephole"])
    options = parser.parse_args()
    size = options.rows * options.steps
    print(f"hidden {options.hidden}, {options.rows} streams of {options.steps} tokens, ", end="")
    print(f"{torch.get_num_threads()} threads; tokens a second\n")
    print(f"{'cell':16}{'types':>8}{'mnemonist':>12}{'torch.nn':>12}{'billion/s':>12}")
    for types in options.types:
        ids = np.random.default_rng(0).integers(0, types, 40 * size).astype(np.int32)
        batches = TokenStreams(ids, options.rows, options.steps)
        for cell in options.cells:
            config = configuration(cell, options.hidden)
            ways = {"ours": ours(config, types, batches)}
            if cell in PEERS:
                ways["plain"] = plain(cell, options.hidden, types, batches)
            found = {name: size / ms * 1e3 for name, ms in medians(ways, seconds=20).items()}
            peer = f"{found['plain']:12,.0f}" if "plain" in found else f"{'–':>12}"
            work = found["ours"] * operations(config, types) / 1e9
            print(f"{cell:16}{types:8,}{found['ours']:12,.0f}{peer}{work:12.0f}", flush=True)


if __name__ == "__main__":
    main()
