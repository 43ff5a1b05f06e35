"""What the data decide where the configuration leaves a question open, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from mnemonist.data.tags import Sentence, TaggedSet, TagsConfig
from mnemonist.data.tags.config import Units
from mnemonist.data.text import Characters, Tokenizer, Words
from mnemonist.data.text.words import HAN
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.encoding import Kind, pieces

__all__ = ["kind_of", "resolve", "tokenizer_for", "units_of"]

_SAMPLE = 1000
_MOST, _MANY = 0.98, 0.3
_FEWEST_EPOCHS = 3


def units_of(data: TaggedSet, config: TagsConfig) -> tuple[Units, list[str]]:
    """Characters where the tokens are Chinese words, else the tokens, and why."""
    if config.units is not None:
        return config.units, []
    if _share(data, lambda token: len(token) == 1) >= _MOST:
        return "tokens", []
    if _share(data, lambda token: re.fullmatch(f"[{HAN}]+", token) is not None) >= _MANY:
        return "characters", [
            "why: the words are Chinese, so a text need not be cut into words to be tagged "
            "(--units tokens takes the words as given)"
        ]
    return "tokens", []


def kind_of(read: TaggedSet, made: TaggedSet) -> Kind:
    """What the tags say, of the set as it was read and as the network gets it."""
    if made.scheme == "raw":
        return "tokens"
    return "words" if read.scheme == "raw" and not any("O" in one.tags for one in made) else "spans"


def tokenizer_for(data: TaggedSet) -> Tokenizer:
    """What cuts a text into such tokens: every character, or words."""
    if _share(data, lambda token: len(token) == 1) >= _MOST:
        return Characters()
    whole = _share(data, lambda token: re.fullmatch(f"[{HAN}]{{2,}}", token) is not None)
    return Words(han="words" if whole >= _MANY / 2 else "characters")


def resolve(config: TagConfig, train: TaggedSet) -> tuple[TagConfig, list[str]]:
    """The configuration without open questions, and a note on each choice.

    Args:
        config: the configuration; its `data.units` are decided.
        train: the training part in these units.
    """
    chosen: dict[str, object] = {}
    notes = []
    single = _share(train, lambda token: len(token) == 1) >= _MOST
    for name, value in (("lowercase", not single), ("spelling", not single), ("pairs", single)):
        if getattr(config, name) is None:
            chosen[name] = value
    if config.crf is None:
        chosen["crf"] = train.scheme != "raw"
        why = "the tags mark spans" if chosen["crf"] else "each token has one of its own"
        notes.append(f"crf: {'yes' if chosen['crf'] else 'no'}, as {why}")
    tokens = sum(map(len, train))
    most = max(_FEWEST_EPOCHS, config.token_budget // max(tokens, 1))
    if most < config.training.epochs:
        chosen["training"] = config.training.model_copy(update={"epochs": most})
        notes.append(
            f"epochs: {most}, as training reads {tokens:,} tokens in each and "
            f"{config.token_budget:,} in all (token_budget)"
        )
    long = sum(1 for one in train for _ in islice(pieces(one.tokens, config.max_steps), 1, 2))
    if long:
        notes.append(
            f"pieces: {long:,} sentences of more than {config.max_steps} tokens are read in pieces"
        )
    return config.model_copy(update=chosen), notes


def _share(data: Sequence[Sentence] | TaggedSet, test: object) -> float:
    """The share of tokens, among the first thousand sentences, that pass a test."""
    tokens = [token for one in islice(data, _SAMPLE) for token in one.tokens]
    assert callable(test)
    return sum(map(test, tokens)) / max(len(tokens), 1)
