"""The network of a language model: embedding, recurrent layers, softmax; and its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.engine.time import valid_mask
from mnemonist.nn.dropout import LockedDropout, WordDropout
from mnemonist.nn.softmax import AdaptiveSoftmax, Softmax
from mnemonist.tasks.common.network import layers
from mnemonist.tasks.common.programs import Maker, as_saved
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.training.contract import LossResult

__all__ = ["LanguageNetwork", "LanguageObjective", "build"]

State = Mapping[str, Tensor]

_SPREAD = 0.1  # of the embedding's first weights, which a tied softmax needs small


class LanguageNetwork(nn.Module):
    """Tokens read so far to what the softmax reads: an embedding and recurrent layers.

    Beside the V tokens of the vocabulary there is one more, V, which stands before a sentence
    and whose vector is zero and stays so.

    Args:
        config: without open questions.
        vocabulary_size: V.
        cell: what makes the cell.
    """

    def __init__(self, config: LanguageConfig, vocabulary_size: int, cell: Maker) -> None:
        super().__init__()
        config = as_saved(config, cell)
        assert config.embedding_size is not None
        self.vocabulary_size = vocabulary_size
        self.embedding = nn.Embedding(
            vocabulary_size + 1, config.embedding_size, padding_idx=vocabulary_size
        )
        with torch.no_grad():
            self.embedding.weight.uniform_(-_SPREAD, _SPREAD)[vocabulary_size] = 0.0
        self.words = WordDropout(config.embedding_dropout)
        self.into = LockedDropout(config.input_dropout)
        self.recurrent = layers(config, config.embedding_size, cell)
        self.out_of = LockedDropout(config.output_dropout)
        width = self.recurrent.output_size
        self.softmax: Softmax | AdaptiveSoftmax
        if config.softmax == "adaptive":
            self.softmax = AdaptiveSoftmax(width, vocabulary_size)
        else:
            tied = self.embedding if config.tie else None
            self.softmax = Softmax(width, vocabulary_size, tied=tied)

    def forward(
        self,
        tokens: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        *,
        fresh: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the softmax reads after each token.

        Args:
            tokens: (T, B), the tokens read; V for the zero input.
            state: before the first; zero (or what the cell says) if not given.
            lengths: (B,), the tokens of each row; all T if not given.
            fresh: (B,), rows that start from the initial state all the same.

        Returns:
            (T, B, H) and the state after each row.
        """
        read = self.into(self.words(tokens, self.embedding))
        resets = None
        if fresh is not None:
            resets = torch.zeros(tokens.shape, dtype=torch.bool, device=tokens.device)
            resets[0] = fresh
        hidden, after = self.recurrent(read, state, lengths=lengths, resets=resets)
        return self.out_of(hidden), dict(after)


@dataclass(frozen=True)
class LanguageObjective:
    """-log p of every token, in nats, given those before it.

    In training the penalties of Merity et al. (2017) are added: `activation` times the mean
    square of what the softmax reads, `temporal` times that of its changes over time; and a row
    that carries a state on starts anew with the probability `fresh`.

    A batch has "read" and "next", (T, B); and "lengths" (B,) where rows end before T.
    """

    activation: float = 0.0
    temporal: float = 0.0
    fresh: float = 0.0

    def loss(
        self,
        model: nn.Module,
        batch: Any,
        *,
        carried: Any,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        """The surprisal of the batch's tokens; see `Objective`."""
        assert isinstance(model, LanguageNetwork)
        lengths, read, fresh = batch.get("lengths"), batch["read"], None
        if model.training and carried is not None and self.fresh:
            drawn = torch.rand(read.shape[1], generator=generator) < self.fresh
            fresh = drawn.to(read.device)
        hidden, state = model(read, carried, lengths, fresh=fresh)
        target = batch["next"]
        if lengths is None:
            kept, wanted = hidden.flatten(0, 1), target.flatten()
        else:
            valid = valid_mask(lengths, len(target)).squeeze(-1)
            kept, wanted = hidden[valid], target[valid]
        total = model.softmax.surprisal(kept, wanted).sum()
        if model.training and self.activation:
            total = total + self.activation * kept.square().mean() * len(wanted)
        if model.training and self.temporal and len(hidden) > 1:
            total = total + self.temporal * hidden.diff(dim=0).square().mean() * len(wanted)
        return LossResult(total, len(wanted), state)


def build(config: LanguageConfig, vocabulary_size: int, cell: Maker) -> LanguageNetwork:
    """The network that a resolved configuration describes, untrained."""
    return LanguageNetwork(config, vocabulary_size, cell)
