"""The network: tokens, recurrent layers over them, a score for every tag of every token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.data.tags import allowed_steps
from mnemonist.decoding.crf import LinearChainCRF
from mnemonist.engine.time import valid_mask
from mnemonist.nn import Recurrent, TokenEmbedding
from mnemonist.nn.spelling import Spelling
from mnemonist.tasks.common.network import layers
from mnemonist.tasks.common.programs import Maker, as_saved
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.encoding import Encoder, Tagset
from mnemonist.training.contract import LossResult

__all__ = ["TagObjective", "TaggerModel", "build"]

Batch = dict[str, Tensor]


class TokenReader(nn.Module):
    """x_t = [token t; pair (t-1, t); pair (t, t+1); spelling of t], each part if it is read.

    Args:
        tokens: vectors of tokens.
        pairs: vectors of pairs.
        spelling: reads characters.
    """

    def __init__(
        self, tokens: TokenEmbedding, pairs: TokenEmbedding | None, spelling: Spelling | None
    ) -> None:
        super().__init__()
        self.tokens, self.pairs, self.spelling = tokens, pairs, spelling
        self.output_size = tokens.output_size
        self.output_size += 2 * pairs.output_size if pairs is not None else 0
        self.output_size += spelling.output_size if spelling is not None else 0

    def forward(self, batch: Batch) -> Tensor:
        """(T, B, I) of "tokens" (T, B), "pairs" (T, B) and "characters" (T, B, L)."""
        parts = [self.tokens(batch["tokens"])]
        if self.pairs is not None:
            after = self.pairs(batch["pairs"])
            parts += [F.pad(after[:-1], (0, 0, 0, 0, 1, 0)), after]
        if self.spelling is not None:
            parts.append(self.spelling(batch["characters"]))
        return torch.cat(parts, -1)


class TaggerModel(nn.Module):
    """e_t = W · drop(h_t) + b, with h the states of recurrent layers over x, and a CRF over e.

    Huang, Xu & Yu 2015; Lample et al. 2016.

    Args:
        read: makes x (T, B, I) of a batch.
        recurrent: the layers.
        tags: K.
        dropout: of x and h.
        crf: scores whole sequences; without one each tag is on its own.
    """

    def __init__(
        self,
        read: TokenReader,
        recurrent: Recurrent,
        tags: int,
        dropout: float,
        crf: LinearChainCRF | None,
    ) -> None:
        super().__init__()
        self.read, self.recurrent, self.crf = read, recurrent, crf
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(recurrent.output_size, tags)

    def forward(self, batch: Batch) -> Tensor:
        """(T, B, K) scores of tags."""
        output, _ = self.recurrent(self.read(batch), lengths=batch["lengths"])
        return self.head(self.drop(output))

    def log_likelihood(self, batch: Batch, scores: Tensor) -> Tensor:
        """(B,) ln p(tags | tokens) of each row."""
        if self.crf is not None:
            return self.crf.log_likelihood(scores, batch["tags"], batch["lengths"])
        own = scores.log_softmax(-1).gather(2, batch["tags"][..., None])
        return (own * valid_mask(batch["lengths"], len(own))).sum((0, 2))

    def best(self, batch: Batch, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The tags (T, B), the likeliest together, and the probability (T, B) of each."""
        if self.crf is None:
            sure, tags = scores.softmax(-1).max(-1)
            return tags, sure
        lengths = batch["lengths"]
        tags = self.crf.decode(scores, lengths)
        sure = self.crf.marginals(scores, lengths).gather(2, tags.clamp(min=0)[..., None])
        return tags, sure[..., 0]


class TagObjective:
    """-Σ_n ln p(tags_n | tokens_n), of as many terms as there are tokens."""

    def loss(
        self,
        model: Any,
        batch: Batch,
        *,
        carried: None,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        total = -model.log_likelihood(batch, model(batch)).sum()
        return LossResult(total, float(batch["lengths"].sum()))


def build(config: TagConfig, encoder: Encoder, tagset: Tagset, cell: Maker) -> TaggerModel:
    """The network of a resolved configuration.

    Args:
        config: resolved.
        encoder: what numbers it reads.
        tagset: the tags.
        cell: what `config.cell` stands for.
    """
    config = as_saved(config, cell)
    drop = config.embedding_dropout
    pairs = spelling = None
    if encoder.pairs is not None:
        pairs = TokenEmbedding(len(encoder.pairs), config.pair_size, dropout=drop)
    if encoder.characters is not None:
        spelling = Spelling(
            len(encoder.characters),
            config.spelling_size,
            config.spelling_size,
            cell=cell,
            cell_options=config.cell_options,
            dropout=drop,
            executor=config.executor,
        )
    tokens = TokenEmbedding(
        len(encoder.tokens),
        config.embedding_size,
        token_dropout=config.token_dropout,
        dropout=drop,
    )
    read = TokenReader(tokens, pairs, spelling)
    recurrent = layers(config, read.output_size, cell)
    crf = None
    if config.crf:
        allowed = allowed_steps(tagset.tags, tagset.scheme)
        crf = LinearChainCRF(len(tagset.tags), allowed=allowed, constrained=tagset.scheme != "raw")
    return TaggerModel(read, recurrent, len(tagset.tags), config.dropout, crf)
