"""The network: tokens or values, recurrent layers, one vector from all steps, a class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.nn import AttentionPool, OneHot, Recurrent, TokenEmbedding, max_valid, mean_valid
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.classify.encoding import SeriesEncoder, TokenEncoder
from mnemonist.tasks.common.network import layers
from mnemonist.tasks.common.programs import Maker, as_saved
from mnemonist.training.contract import LossResult

__all__ = ["ClassifierModel", "ClassifyObjective", "build"]

Batch = dict[str, Tensor]


class PairReader(nn.Module):
    """x_t = [token t; pair (t-1, t)].

    Args:
        tokens: vectors of tokens.
        pairs: vectors of pairs.
    """

    def __init__(self, tokens: TokenEmbedding, pairs: TokenEmbedding) -> None:
        super().__init__()
        self.tokens, self.pairs = tokens, pairs
        self.output_size = tokens.output_size + pairs.output_size

    def forward(self, steps: Tensor) -> Tensor:
        """(T, B, I) of numbers (T, B, 2)."""
        return torch.cat([self.tokens(steps[..., 0]), self.pairs(steps[..., 1])], -1)


class ClassifierModel(nn.Module):
    """z = W · drop(pool(h_1 ... h_T)) + b, with h the states of recurrent layers over x.

    Args:
        read: makes x (T, B, I) of a batch's steps; an embedding, one-hot, or the values.
        recurrent: the layers.
        pooling: "last", "mean", "max" or "attention".
        classes: K.
        dropout: before the last map.
    """

    def __init__(
        self, read: nn.Module, recurrent: Recurrent, pooling: str, classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.read, self.recurrent, self.pooling = read, recurrent, pooling
        self.attention = AttentionPool(recurrent.output_size) if pooling == "attention" else None
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(recurrent.output_size, classes)

    def forward(self, batch: Batch) -> Tensor:
        """(B, K) logits.

        Args:
            batch: "steps" (T, B) of tokens, (T, B, 2) of tokens and pairs or (T, B, C) of values,
                and "lengths" (B,).
        """
        lengths = batch["lengths"]
        output, _ = self.recurrent(self.read(batch["steps"]), lengths=lengths)
        return self.head(self.drop(self.pooled(output, lengths)))

    def pooled(self, output: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, E) to (B, E)."""
        if self.attention is not None:
            return self.attention(output, lengths)
        pool = {"last": self.recurrent.last, "mean": mean_valid, "max": max_valid}[self.pooling]
        return pool(output, lengths)


class ClassifyObjective:
    """Σ_n w_{y_n} · -ln softmax(z_n)_{y_n}, of Σ_n w_{y_n} terms.

    Args:
        weights: (K,) w; 1 for every class when None.
    """

    def __init__(self, weights: Tensor | None = None) -> None:
        self.weights = weights

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        *,
        carried: None,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        labels = batch["labels"]
        logits = model(batch)
        if self.weights is None:
            return LossResult(F.cross_entropy(logits, labels, reduction="sum"), len(labels))
        weights = self.weights.to(logits)
        total = F.cross_entropy(logits, labels, weights, reduction="sum")
        return LossResult(total, float(weights[labels].sum()))


def build(
    config: ClassifyConfig, encoder: TokenEncoder | SeriesEncoder, classes: int, cell: Maker
) -> ClassifierModel:
    """The network of a resolved configuration.

    Args:
        config: resolved: its input is decided; None reads values.
        encoder: what numbers it reads.
        classes: K.
        cell: what `config.cell` stands for.
    """
    config = as_saved(config, cell)
    read, width = _reader(config, encoder)
    recurrent = layers(config, width, cell)
    return ClassifierModel(read, recurrent, config.pooling or "max", classes, config.dropout)


def _reader(config: ClassifyConfig, encoder: TokenEncoder | SeriesEncoder) -> tuple[nn.Module, int]:
    """What makes x of steps, and the width of x."""
    if isinstance(encoder, SeriesEncoder):
        return nn.Identity(), encoder.width
    read: OneHot | TokenEmbedding | PairReader
    if config.input == "one_hot":
        read = OneHot(encoder.width)
        return read, read.output_size
    read = TokenEmbedding(
        encoder.width,
        config.embedding_size,
        token_dropout=config.token_dropout,
        dropout=config.embedding_dropout,
    )
    if encoder.pairs is not None:
        pairs = TokenEmbedding(
            len(encoder.pairs),
            config.pair_size,
            token_dropout=config.pair_dropout,
            dropout=config.embedding_dropout,
        )
        read = PairReader(read, pairs)
    return read, read.output_size
