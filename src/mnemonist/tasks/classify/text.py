"""Words about a classifier that its report and the command line share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.data.findings import some
from mnemonist.tasks.common.text import (
    count,
    executor_line,
    layers_of,
    name_of,
    training_line,
)

if TYPE_CHECKING:
    from mnemonist.tasks.classify.job import ClassifyPlan

__all__ = [
    "header",
    "network_name",
    "network_sentence",
    "next_commands",
    "pairs_of_them",
    "shown_item",
    "token_names",
]

_POOLING = {
    "last": "the last state",
    "mean": "the mean over time",
    "max": "the maximum over time",
    "attention": "attention over time",
}


def network_name(config: Any) -> str:
    """The network's name in tables."""
    return f"bidirectional {name_of(config)}" if config.bidirectional else name_of(config)


def network_sentence(made: ClassifyPlan) -> str:
    """The network in a line."""
    config = made.config
    pairs = f" and of {config.pair_size} for pairs" if config.pairs else ""
    reads = {
        "embedding": f"embeddings of {config.embedding_size}{pairs}",
        "one_hot": "one-hot symbols",
        None: count(made.encoder.width, "channel"),
    }[config.input]
    return f"{reads}, {layers_of(config)}, {_POOLING[config.pooling]}"


def token_names(made: ClassifyPlan) -> str:
    """What tokens are called."""
    return "symbols" if made.parts.train.kind == "symbols" else str(made.config.tokens)


def pairs_of_them(made: ClassifyPlan) -> str:
    """How many pairs of tokens are read beside them, if any are."""
    pairs = getattr(made.encoder, "pairs", None)
    return f" and {len(pairs):,} pairs of them" if pairs is not None else ""


def header(made: ClassifyPlan) -> list[tuple[str, str]]:
    """What the user is told before training begins."""
    config, train = made.config, made.parts.train
    shown = [f"{name} ({n:,})" for name, n in zip(made.classes, train.counts, strict=True)]
    lines = [
        ("data", f"{made.source_name}: {train.kind}, {len(made.classes)} classes"),
        ("classes", some(shown, len(shown), 8)),
        ("parts", made.parts.describe()),
    ]
    if config.tokens is not None:
        case = ", in lower case" if config.lowercase else ""
        lines.append(
            ("tokens", f"{made.encoder.width:,} {token_names(made)}{case}{pairs_of_them(made)}")
        )
    return [
        *lines,
        ("network", f"{network_sentence(made)}, {made.parameters:,} parameters"),
        ("training", training_line(config.training)),
        ("executor", executor_line(made.explanation)),
    ]


def next_commands(made: ClassifyPlan, run: Path | None) -> list[str]:
    """What one might do after a training."""
    path = str(run or "RUN")
    other = "max" if made.config.pooling != "max" else "attention"
    return [
        shlex.join(["mnemonist", "predict", "classify", path, "FILE"]),
        shlex.join(["mnemonist", "eval", "classify", path]),
        shlex.join(["mnemonist", "train", "classify", *made.sources, "--pooling", other]),
    ]


def shown_item(item: Any, limit: int = 160) -> str:
    """An item as a line of text.

    >>> shown_item("so\\n good"), shown_item("abcdef", 4)
    ('so good', 'abc…')
    """
    text = " ".join(item.split()) if isinstance(item, str) else count(len(item), "step")
    return text if len(text) <= limit else text[: limit - 1] + "…"
