"""Words about a language model that its report and the command line share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mnemonist.tasks.common.text import executor_line, layers_of, training_line

if TYPE_CHECKING:
    from mnemonist.data.text import TokenCorpus
    from mnemonist.tasks.language.job import LanguagePlan

__all__ = ["counted", "header", "network_sentence", "next_commands", "of_tokens"]

_TOKENS = {
    "characters": "characters",
    "words": "words",
    "spaces": "words (between spaces)",
    "subwords": "subwords",
}


def of_tokens(made: LanguagePlan) -> str:
    """What the tokens are called."""
    return _TOKENS[made.config.text.tokens]


def counted(part: TokenCorpus) -> str:
    """A part of a text in numbers."""
    said = part.statistics()
    return (
        f"{said.sentences:,} lines, {said.tokens:,} tokens, {said.characters:,} characters, "
        f"{100 * said.unknown_rate:.2g} % unknown"
    )


def network_sentence(made: LanguagePlan) -> str:
    """The network in a line."""
    config = made.config
    softmax = "tied softmax" if config.tie else f"{config.softmax} softmax"
    types = len(made.resolved.corpus.vocabulary)
    return f"embedding of {config.embedding_size}, {layers_of(config)}, {softmax} over {types:,}"


def header(made: LanguagePlan) -> list[tuple[str, str]]:
    """What the user is told before training begins."""
    config, parts = made.config, made.resolved.parts
    mode = (
        f"one stream, its state carried on, gradients through {config.steps} tokens"
        if config.mode == "streams"
        else "sentences, each from a zero state to <eos>"
    )
    return [
        ("data", f"{made.source_name}: {of_tokens(made)}"),
        ("training", counted(parts.train)),
        ("validation", counted(parts.valid)),
        ("test", counted(parts.test)),
        ("mode", mode),
        ("network", f"{network_sentence(made)}, {made.parameters:,} parameters"),
        ("loop", training_line(config.training)),
        ("executor", executor_line(made.explanation)),
    ]


def next_commands(made: LanguagePlan, run: Path | None) -> list[str]:
    """What one might do after a training."""
    path = str(run or "RUN")
    return [
        shlex.join(["mnemonist", "sample", "language", path, "--temperature", "0.8"]),
        shlex.join(["mnemonist", "score", "language", path, "SENTENCES.txt"]),
        shlex.join(["mnemonist", "eval", "language", path, "OTHER.txt"]),
    ]
