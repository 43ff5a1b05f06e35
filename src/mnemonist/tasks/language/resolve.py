"""What a configuration leaves open, decided from the text; and the text as tokens on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from mnemonist.data.findings import Finding
from mnemonist.data.shares import contiguous
from mnemonist.data.text import Text, TokenCorpus, Tokenizer, Vocabulary, make_tokenizer
from mnemonist.data.text.corpus import Parts
from mnemonist.data.text.lines import TextSource
from mnemonist.errors import DataError
from mnemonist.tasks.language.config import LanguageConfig, TextConfig

__all__ = ["Resolved", "operations", "read_text", "resolve"]

_WORDS = 30_000
_SUBWORDS = 8_000
_MANY_TYPES = 1_000
_LARGE = 5_000
_NARROW = 64
_LONG = 1_000_000
# What is trained by default: some ten minutes of a core. One with AVX-512 does 44 to 69 billion
# operations (`operations`) a second: 69 and 67 with an adaptive softmax over 5,000 and 18,000 types,
# 44 over 30,000, where the optimizer counts; 64 with 84 types, 59 and 55 with a full softmax over
# 4,000 and 10,000. `OMP_NUM_THREADS=1 python benchmarks/language.py` measures it.
_OPERATIONS = 36e12
_UNKNOWN = 0.05


@dataclass(frozen=True)
class Resolved:
    """The configuration without open questions, the corpus and its parts."""

    config: LanguageConfig
    corpus: TokenCorpus
    parts: Parts
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_text(source: TextSource, config: TextConfig) -> Text:
    """The text, read as the configuration says.

    Raises:
        DataError: there is no such text.
    """
    return Text(source, encoding=config.encoding, max_line=config.max_line, blank=config.blank)


def resolve(
    config: LanguageConfig,
    source: TextSource,
    *,
    known: tuple[Tokenizer, Vocabulary] | None = None,
) -> Resolved:
    """Encode a text and answer the configuration's open questions.

    Args:
        config: with as many open questions as one likes.
        source: the text.
        known: the tokenizer and vocabulary of a network that is there already.

    Raises:
        DataError: the text cannot be read, or is too short.
        ConfigError: parts that leave nothing for training.
    """
    text, chosen = read_text(source, config.text), config.text
    tokenizer, vocabulary = known or (_tokenizer(text, config), None)
    limit = chosen.vocabulary_size
    if limit is None and chosen.tokens in ("words", "spaces"):
        limit = _WORDS
    corpus = TokenCorpus.build(
        text,
        tokenizer,
        vocabulary,
        valid=chosen.valid,
        test=chosen.test,
        max_size=None if chosen.tokens == "subwords" else limit,
        min_count=1 if chosen.tokens == "subwords" else chosen.min_count,
    )
    parts = corpus.parts()
    for name, part in parts._asdict().items():
        if len(part.ids) < 2:
            raise DataError(
                f"{text.name}: the {name} part has {len(part.ids)} tokens, and 2 are the least: "
                f"give more text, or another share to {name}"
            )
    found, notes = _decided(config, corpus, parts)
    return Resolved(found, corpus, parts, notes, _warnings(corpus, parts, text.name))


def _tokenizer(text: Text, config: LanguageConfig) -> Tokenizer:
    chosen = config.text
    return make_tokenizer(
        chosen.tokens,
        lowercase=chosen.lowercase,
        normal_form=chosen.normal_form,
        lines=_training_lines(text, chosen) if chosen.tokens == "subwords" else None,
        vocabulary_size=chosen.vocabulary_size or _SUBWORDS,
        seed=config.training.seed,
    )


def _training_lines(text: Text, chosen: TextConfig) -> Iterator[str]:
    """The lines of the training part, in two readings of the file."""
    count = sum(len(block.lines) for block in text.blocks())
    first, _ = contiguous(count, chosen.valid, chosen.test, label=text.name, unit="lines")
    return islice((line for block in text.blocks() for line in block.lines), first)


def _decided(
    config: LanguageConfig, corpus: TokenCorpus, parts: Parts
) -> tuple[LanguageConfig, list[str]]:
    """The configuration with every question answered, and the answers in words."""
    types, tokens = len(corpus.vocabulary), len(parts.train.ids)
    many, notes = types >= _MANY_TYPES, []
    softmax = config.softmax or ("adaptive" if types > _LARGE and not config.tie else "full")
    tie = config.tie if config.tie is not None else many and softmax == "full"
    notes.append(f"softmax: {'tied' if tie else softmax}, {types:,} types")
    size = config.embedding_size or (min(256, config.hidden_size) if many else _NARROW)
    notes.append(f"embedding: {size} numbers a token")
    steps = config.steps or (100 if tokens >= _LONG else 50)
    training = config.training
    if config.mode == "streams":
        # streams of fewer than `steps` tokens would be padding or nothing
        least = min(tokens, len(parts.valid.ids)) - 1
        rows = max(1, min(training.batch_size, least // steps))
        if rows < training.batch_size:
            notes.append(f"batches: {rows} streams, as a part has {least + 1:,} tokens only")
            training = training.model_copy(update={"batch_size": rows})
    found = config.model_copy(
        update={
            "softmax": softmax,
            "tie": tie,
            "embedding_size": size,
            "steps": steps,
            "order": config.order or (6 if config.text.tokens == "characters" else 5),
        }
    )
    budget = config.token_budget or int(_OPERATIONS / operations(found, types))
    epochs = min(training.epochs, -(-budget // tokens))
    if epochs < training.epochs:
        notes.append(f"epochs: at most {epochs}, {epochs * tokens:,} tokens (token_budget)")
    training = training.model_copy(update={"epochs": epochs})
    return found.model_copy(update={"token_budget": budget, "training": training}), notes


def operations(config: LanguageConfig, types: int) -> int:
    """Operations of an update a token: 6 for a weight of the cell and the softmax.

    Two forwards, a product and a sum, and four backwards. All cells count as an LSTM.

    Args:
        config: resolved.
        types: of the vocabulary.
    """
    width = config.hidden_size
    assert config.embedding_size is not None
    recurrent = 4 * width * (config.embedding_size + width) + (config.num_layers - 1) * 8 * width**2
    # an adaptive softmax does some twelfth of a full one's work with its usual clusters
    softmax = width * types // (12 if config.softmax == "adaptive" else 1)
    return 6 * (recurrent + softmax)


def _warnings(corpus: TokenCorpus, parts: Parts, name: str) -> list[Finding]:
    found, rate = [], parts.test.statistics().unknown_rate
    if rate > _UNKNOWN:
        found.append(
            Finding(
                "warning",
                "unknown-tokens",
                f"{rate:.1%} of the test part's tokens are unknown, which makes its perplexity "
                "look low",
                name,
                remedy="take characters or subwords, or a larger vocabulary",
            )
        )
    if corpus.undercount:
        found.append(
            Finding(
                "note",
                "bounded-counts",
                f"more than a million types: counts are too low by at most {corpus.undercount}",
                name,
            )
        )
    return found
