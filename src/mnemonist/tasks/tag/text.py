"""Words about a tagger that its report and the command line share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.data.findings import some
from mnemonist.tasks.common.text import count, executor_line, layers_of, name_of, training_line

if TYPE_CHECKING:
    from mnemonist.tasks.tag.job import TagPlan

__all__ = ["header", "network_name", "network_sentence", "next_commands", "unit"]


def network_name(config: Any) -> str:
    """The network's name in tables."""
    both = "bidirectional " if config.bidirectional else ""
    return f"{both}{name_of(config)}{' with CRF' if config.crf else ''}"


def network_sentence(made: TagPlan) -> str:
    """The network in a line."""
    config = made.config
    reads = [f"embeddings of {config.embedding_size}"]
    if config.pairs:
        reads.append(f"pairs of {config.pair_size}")
    if config.spelling:
        reads.append(f"spelling by {config.spelling_size} units each way")
    end = "a CRF" if config.crf else "each tag on its own"
    return f"{', '.join(reads)}, {layers_of(config)}, {end}"


def unit(made: TagPlan) -> str:
    """What is tagged: "character" or "token"."""
    return "character" if made.config.data.units == "characters" else "token"


def header(made: TagPlan) -> list[tuple[str, str]]:
    """What the user is told before training begins."""
    train, tags = made.parts.train, made.tagset
    what = {
        "tokens": f"one for each {unit(made)}",
        "words": f"words and what they are, by {unit(made)}s ({tags.scheme})",
        "spans": f"spans of {unit(made)}s ({tags.scheme})",
    }[tags.kind]
    counts = [f"{tag} ({n:,})" for tag, n in train.tag_counts().items()]
    tokens = sum(map(len, train))
    return [
        (
            "data",
            f"{made.source_name}: {len(train):,} sentences to learn from, {tokens:,} {unit(made)}s",
        ),
        ("tags", f"{count(len(tags.tags), 'tag')}, {what}: {some(counts, len(counts), 6)}"),
        ("parts", made.parts.describe()),
        ("network", f"{network_sentence(made)}, {made.parameters:,} parameters"),
        ("training", training_line(made.config.training)),
        ("executor", executor_line(made.explanation)),
    ]


def next_commands(made: TagPlan, run: Path | None) -> list[str]:
    """What one might do after a training."""
    path = str(run or "RUN")
    other = "gru" if made.config.cell != "gru" else "lstm"
    return [
        shlex.join(["mnemonist", "predict", "tag", path, "FILE"]),
        shlex.join(["mnemonist", "eval", "tag", path]),
        shlex.join(
            ["mnemonist", "compare", "tag", made.source_name, "--cells", made.config.cell, other]
        ),
    ]
