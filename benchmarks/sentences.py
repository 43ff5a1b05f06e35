"""Tokens a second of training on sentences, beside a plain loop over torch.nn.

    OMP_NUM_THREADS=1 python benchmarks/sentences.py [--rows 32] [--hidden 128] [--seconds 20]
        [--jobs classify tag crf translate feeding] [--processor-time]

The networks of `train classify`, `tag` and `translate` over sentences of 10 to 40 tokens, without
dropout; the peer is what one writes by hand with torch.nn: packed sequences, and for a decoder
that reads what attention found at the step before (`feeding`) a loop over nn.LSTMCell. A tagger's
CRF has no peer there. Both take turns, and the median over the rounds is printed. Tokens are those
of the source and, in translation, of the target; padding does not count. `--processor-time` is for
one thread on a machine that others use too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import torch
from _sentence_peers import Classifier, Tagger, Translator
from _updates import updates
from paired import medians
from torch import Tensor, nn

from mnemonist.cells import resolve
from mnemonist.data.text import EOS, UNK, Characters, Vocabulary
from mnemonist.tasks.classify import model as classify
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.tag import model as tag
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.encoding import Encoder, Tagset
from mnemonist.tasks.translate import model as translate
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.sides import Side, Sides
from mnemonist.training.buckets import BucketBatches

TYPES, CLASSES, TAGS, EMBEDDING, BATCHES = 3000, 10, 30, 64, 40
BARE = {"embedding_size": EMBEDDING, "dropout": 0.0}
READ = BARE | {"embedding_dropout": 0.0, "token_dropout": 0.0}
Network = Callable[[int], nn.Module]
Loss = Callable[[dict[str, Tensor]], Tensor]


def vocabulary() -> Vocabulary:
    """So many tokens, the unknown one and the end among them."""
    return Vocabulary.build(map(chr, range(0x4E00, 0x4E00 + TYPES - 2)), specials=(UNK, EOS))


def classifier(hidden: int) -> nn.Module:
    config = ClassifyConfig(hidden_size=hidden, input="embedding", pooling="max", **READ)
    return classify.build(config, TYPES, CLASSES, resolve("lstm"))


def tagger(hidden: int, *, crf: bool) -> nn.Module:
    config = TagConfig(hidden_size=hidden, crf=crf, **READ)
    tags = Tagset(tuple(f"t{k}" for k in range(TAGS)), "raw", "tokens")
    return tag.build(config, Encoder(vocabulary()), tags, resolve("lstm"))


def translator(hidden: int, *, feeding: bool) -> nn.Module:
    config = TranslateConfig(hidden_size=hidden, input_feeding=feeding, **BARE)
    side = Side(Characters(), vocabulary())
    return translate.build(config, Sides(side, side, 1.0), resolve("lstm"))


def one_side(rows: int, labels: int | None) -> BucketBatches:
    """Sentences with a class each, or with a tag for every token."""
    sentences = drawn(rows * BATCHES, TYPES)
    if labels is None:
        tags = [torch.randint(TAGS, (len(one),)) for one in sentences]
        return BucketBatches({"tokens": sentences, "tags": tags}, rows)
    classes = torch.randint(labels, (len(sentences),))
    return BucketBatches({"steps": sentences}, rows, labels={"labels": classes})


def two_sides(rows: int) -> BucketBatches:
    """Sentences beside others."""
    sides = {name: drawn(rows * BATCHES, TYPES) for name in ("source", "target")}
    return BucketBatches(sides, rows)


def drawn(rows: int, types: int) -> list[Tensor]:
    """Sentences of 10 to 40 tokens."""
    lengths = torch.randint(10, 41, (rows,)).tolist()
    return [torch.randint(2, types, (length,)) for length in lengths]


def own(network: nn.Module, objective: Any) -> Loss:
    """The mean loss of a batch, as a job computes it."""

    def loss(batch: dict[str, Tensor]) -> Tensor:
        result = objective.loss(
            network, batch, carried=None, forcing=1.0, generator=torch.Generator()
        )
        return result.total / result.weight

    return loss


JOBS: dict[str, tuple[Network, Any, Network | None, Callable[[int], BucketBatches]]] = {
    "classify": (
        classifier,
        classify.ClassifyObjective(),
        partial(Classifier, TYPES, EMBEDDING, CLASSES),
        partial(one_side, labels=CLASSES),
    ),
    "tag": (
        partial(tagger, crf=False),
        tag.TagObjective(),
        partial(Tagger, TYPES, EMBEDDING, TAGS),
        partial(one_side, labels=None),
    ),
    "crf": (partial(tagger, crf=True), tag.TagObjective(), None, partial(one_side, labels=None)),
    "translate": (
        partial(translator, feeding=False),
        translate.TranslateObjective(),
        partial(Translator, TYPES, EMBEDDING, False),
        two_sides,
    ),
    "feeding": (
        partial(translator, feeding=True),
        translate.TranslateObjective(),
        partial(Translator, TYPES, EMBEDDING, True),
        two_sides,
    ),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    options = parser.parse_args()
    print(f"hidden {options.hidden}, {options.rows} sentences, ", end="")
    print(f"{torch.get_num_threads()} threads; tokens a second\n")
    print(f"{'network':16}{'mnemonist':>12}{'torch.nn':>12}")
    for job in options.jobs:
        torch.manual_seed(0)
        found = measured(*JOBS[job], options)
        shown = f"{found['plain']:12,.0f}" if "plain" in found else f"{'–':>12}"
        print(f"{job:16}{found['ours']:12,.0f}{shown}", flush=True)


def measured(
    network: Network,
    objective: Any,
    peer: Network | None,
    made: Callable[[int], BucketBatches],
    options: argparse.Namespace,
) -> dict[str, float]:
    """Tokens a second of both, each over the same batches in the same order."""
    batches, model = made(options.rows), network(options.hidden)
    ways = {"ours": over(batches, model, own(model, objective))}
    if peer is not None:
        plain = peer(options.hidden)
        ways["plain"] = over(batches, plain, plain)
    lengths = [one for name, one in batches.lengths.items() if name != "tags"]
    tokens = sum(int(one.sum()) for one in lengths) / len(batches)
    clock = time.process_time if options.processor_time else time.perf_counter
    spent = medians(ways, rounds=BATCHES, seconds=options.seconds, clock=clock)
    return {name: 1e3 * tokens / taken for name, taken in spent.items()}


def over(batches: BucketBatches, network: nn.Module, loss: Loss) -> Callable[[], None]:
    """Updates of a network, each by the next batch."""
    numbers = cycle(range(len(batches)))
    return updates(network.parameters(), lambda: loss(batches.batch(0, next(numbers))))


if __name__ == "__main__":
    main()
