"""Dropout around a recurrent stack: one mask for a sequence, and whole words at once."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.errors import ShapeError
from mnemonist.nn._check import check_probability

__all__ = ["LockedDropout", "WordDropout"]


class LockedDropout(nn.Module):
    """Dropout with one mask for all steps of a sequence (Gal & Ghahramani 2016).

        y_t = m ⊙ x_t / (1 - p),   m ~ Bernoulli(1 - p), drawn once a row

    Args:
        p: the probability with which a unit is dropped, from all steps.

    Raises:
        ConfigError: p is no probability.

    >>> import torch
    >>> dropped = LockedDropout(0.5)(torch.ones(3, 1, 8))
    >>> dropped[0].equal(dropped[2])
    True
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_probability("p", p)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, E) to (T, B, E); as it is in evaluation."""
        if not self.training or not self.p:
            return x
        return x * F.dropout(x.new_ones(1, *x.shape[1:]), self.p)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"


class WordDropout(nn.Module):
    """Dropout of whole words: their vectors, wherever they stand in the batch.

    The rows of the embedding matrix are dropped with probability p and the others divided by
    1 - p, so that a word is there in all places or in none (Gal & Ghahramani 2016; Merity et
    al. 2018, section 4.3, call it embedding dropout).

    Args:
        p: the probability with which a word is dropped.

    Raises:
        ConfigError: p is no probability.

    >>> import torch
    >>> words, table = torch.tensor([[0, 1, 0, 1]]), torch.nn.Embedding(2, 3)
    >>> found = WordDropout(0.5)(words, table)
    >>> found[0, 0].equal(found[0, 2]), found[0, 1].equal(found[0, 3])
    (True, True)
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        check_probability("p", p)
        self.p = p

    def forward(self, words: Tensor, table: nn.Embedding) -> Tensor:
        """The vectors of words.

        Args:
            words: (T, B), ids.
            table: the embedding, (V, E).

        Returns:
            (T, B, E).

        Raises:
            ShapeError: the words are not (T, B).
        """
        if words.dim() != 2:
            raise ShapeError(f"words must be (T, B); got {tuple(words.shape)}")
        vectors = table(words)
        if not self.training or not self.p:
            return vectors
        kept = F.dropout(table.weight.new_ones(table.num_embeddings), self.p)
        return vectors * kept[words].unsqueeze(-1)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"
