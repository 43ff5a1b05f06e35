"""Words about a translator that its report and the command line share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mnemonist.tasks.common.text import count, executor_line, layers_of, training_line

if TYPE_CHECKING:
    from mnemonist.tasks.translate.job import TranslatePlan

__all__ = ["header", "network_sentence", "next_commands", "parts_line", "tokens_lines"]


def network_sentence(made: TranslatePlan) -> str:
    """The network in a line."""
    config = made.config
    one_way = layers_of(config.model_copy(update={"bidirectional": False}))
    looks = "no attention"
    if config.attention != "none":
        fed = ", fed back" if config.feeds_input else ""
        looks = f"{config.attention} attention {config.attend} the step{fed}"
    return (
        f"embeddings of {config.embedding_size}, encoder {layers_of(config)}, decoder {one_way}, "
        f"{looks}"
    )


def parts_line(made: TranslatePlan) -> str:
    """How many pairs each part has."""
    parts = made.parts
    return (
        f"{count(len(parts.train), 'pair')} for training, {len(parts.valid):,} for validation, "
        f"{len(parts.test):,} for the test"
    )


def tokens_lines(made: TranslatePlan) -> list[tuple[str, str]]:
    """How each side is cut."""
    config, found = made.config, []
    for name, kind in (("source", config.source_tokens), ("target", config.target_tokens)):
        side = made.sides.source if name == "source" else made.sides.target
        case = ", in lower case" if side.tokenizer.lowercase else ""
        found.append((name, f"{len(side):,} {kind}{case}"))
    return found


def header(made: TranslatePlan) -> list[tuple[str, str]]:
    """What the user is told before training begins."""
    config = made.config
    return [
        ("data", made.source_name),
        ("parts", parts_line(made)),
        *tokens_lines(made),
        ("network", f"{network_sentence(made)}, {made.parameters:,} parameters"),
        ("training", training_line(config.training)),
        ("executor", executor_line(made.explanation)),
        ("measure", str(config.measure)),
    ]


def next_commands(made: TranslatePlan, run: Path | None) -> list[str]:
    """What one might do after a training."""
    path = str(run or "RUN")
    return [
        shlex.join(["mnemonist", "predict", "translate", path, "FILE"]),
        shlex.join(["mnemonist", "predict", "translate", path, "FILE", "--nbest", "5"]),
        shlex.join(["mnemonist", "eval", "translate", path]),
    ]
