"""From hidden vectors to a distribution over a vocabulary: plain, tied, adaptive."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._check import check_positive

__all__ = ["AdaptiveSoftmax", "Softmax"]


class Softmax(nn.Module):
    """A linear map and a softmax, its weights its own or those of an embedding.

        log p = log softmax(E P h + b)

    where P is there only for ``tied`` with widths that differ. Tied weights (Inan et al. 2017;
    Press & Wolf 2017) make the vectors of words that are read and written the same.

    Args:
        input_size: width of h.
        vocabulary_size: V.
        tied: an embedding of V rows or more, the first V of which are E; own weights if None.

    Raises:
        ConfigError: an embedding of fewer rows.

    >>> table = nn.Embedding(6, 4)
    >>> head = Softmax(3, 5, tied=table)
    >>> hidden, target = torch.randn(7, 2, 3), torch.zeros(7, 2, dtype=torch.long)
    >>> head.log_probs(hidden).shape, torch.allclose(
    ...     head.surprisal(hidden, target), -head.log_probs(hidden)[..., 0], atol=1e-6)
    (torch.Size([7, 2, 5]), True)
    """

    def __init__(
        self, input_size: int, vocabulary_size: int, *, tied: nn.Embedding | None = None
    ) -> None:
        super().__init__()
        check_positive("input_size", input_size)
        check_positive("vocabulary_size", vocabulary_size)
        self.input_size, self.vocabulary_size = input_size, vocabulary_size
        self.tied, self.projection = tied, None
        if tied is not None:
            if tied.num_embeddings < vocabulary_size:
                raise ConfigError(
                    f"an embedding of {tied.num_embeddings} rows cannot be tied to a softmax over "
                    f"{vocabulary_size}: give it at least as many rows"
                )
            if tied.embedding_dim != input_size:
                self.projection = nn.Linear(input_size, tied.embedding_dim, bias=False)
            self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        else:
            self.linear = nn.Linear(input_size, vocabulary_size)
            nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., input_size) to logits (..., V).

        Raises:
            ShapeError: another width.
        """
        _check_width(hidden, self.input_size)
        if self.tied is None:
            return self.linear(hidden)
        if self.projection is not None:
            hidden = self.projection(hidden)
        return F.linear(hidden, self.tied.weight[: self.vocabulary_size], self.bias)

    def log_probs(self, hidden: Tensor) -> Tensor:
        """(..., input_size) to log p (..., V)."""
        return F.log_softmax(self(hidden), -1)

    def surprisal(self, hidden: Tensor, target: Tensor) -> Tensor:
        """-log p of the targets (...,), in nats, of hidden vectors (..., input_size)."""
        logits = self(hidden)
        flat = F.cross_entropy(
            logits.reshape(-1, self.vocabulary_size), target.reshape(-1), reduction="none"
        )
        return flat.view(target.shape)


class AdaptiveSoftmax(nn.Module):
    """A softmax over a large vocabulary that spends little on what is rare (Grave et al. 2017).

    Ids must be ordered by frequency, the most frequent first. Frequent words and the clusters
    of rarer ones make one small softmax; within a cluster decides another, on a narrower
    vector: torch's `AdaptiveLogSoftmaxWithLoss`.

    Args:
        input_size: width of h.
        vocabulary_size: V, at least 4.
        cutoffs: the ids with which clusters begin, rising; V/20 and V/4 if not given.
        narrower: by how much each cluster's vector is narrower than the one before.

    Raises:
        ConfigError: cutoffs that do not rise between 1 and V - 1.

    >>> head = AdaptiveSoftmax(8, 100)
    >>> round(head.log_probs(torch.randn(2, 8)).exp().sum(-1).mean().item(), 4)
    1.0
    """

    def __init__(
        self,
        input_size: int,
        vocabulary_size: int,
        *,
        cutoffs: Sequence[int] | None = None,
        narrower: float = 4.0,
    ) -> None:
        super().__init__()
        check_positive("input_size", input_size)
        if cutoffs is None:
            cutoffs = sorted({max(1, vocabulary_size // 20), max(2, vocabulary_size // 4)})
        rises = list(cutoffs) == sorted(set(cutoffs))
        if not cutoffs or not rises or cutoffs[0] < 1 or cutoffs[-1] >= vocabulary_size:
            raise ConfigError(
                f"cutoffs={list(cutoffs)} must rise between 1 and {vocabulary_size - 1}, the "
                "vocabulary's last id"
            )
        self.input_size, self.vocabulary_size = input_size, vocabulary_size
        self.inner = nn.AdaptiveLogSoftmaxWithLoss(
            input_size, vocabulary_size, list(cutoffs), div_value=narrower, head_bias=True
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., input_size) to log p (..., V), which are logits too."""
        return self.log_probs(hidden)

    def log_probs(self, hidden: Tensor) -> Tensor:
        """(..., input_size) to log p (..., V)."""
        _check_width(hidden, self.input_size)
        flat = self.inner.log_prob(hidden.reshape(-1, self.input_size))
        return flat.view(*hidden.shape[:-1], self.vocabulary_size)

    def surprisal(self, hidden: Tensor, target: Tensor) -> Tensor:
        """-log p of the targets (...,), in nats, of hidden vectors (..., input_size)."""
        _check_width(hidden, self.input_size)
        found = self.inner(hidden.reshape(-1, self.input_size), target.reshape(-1))
        return -found.output.view(target.shape)


def _check_width(hidden: Tensor, width: int) -> None:
    if hidden.shape[-1] != width:
        raise ShapeError(f"hidden vectors must have the width {width}; got {tuple(hidden.shape)}")
