"""Numbers of tokens as vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.nn._check import check_positive, check_probability

__all__ = ["OneHot", "TokenEmbedding"]


class TokenEmbedding(nn.Module):
    """A learned vector for each token; in training some tokens are unknown by chance.

    With the probability `token_dropout` a token is read as the unknown one (word dropout; Iyyer,
    Manjunatha, Boyd-Graber & Daumé 2015), so that no single token decides, and the vector of
    the unknown token is learnt.

    Args:
        count: V, how many tokens there are.
        size: width of a vector.
        unknown: the number of the unknown token.
        token_dropout: the probability of reading a token as unknown, in training.
        dropout: of the vectors' elements.

    >>> embedding = TokenEmbedding(5, 3)
    >>> embedding(torch.tensor([[1, 4], [2, 0]])).shape
    torch.Size([2, 2, 3])
    """

    def __init__(
        self,
        count: int,
        size: int,
        *,
        unknown: int = 0,
        token_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive("size", size)
        check_probability("token_dropout", token_dropout)
        check_probability("dropout", dropout)
        self.output_size, self.unknown, self.token_dropout = size, unknown, token_dropout
        self.dropout = dropout
        self.weight = nn.Parameter(torch.randn(count, size) * size**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """(T, B) numbers to (T, B, size)."""
        if self.training and self.token_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.token_dropout
            tokens = tokens.masked_fill(dropped, self.unknown)
        return F.dropout(F.embedding(tokens, self.weight), self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.output_size}, token_dropout={self.token_dropout}"


class OneHot(nn.Module):
    """1 at the token's own place, 0 elsewhere; all 0 for the unknown token.

    Args:
        count: V, how many tokens there are; the vectors have V - 1 elements.
        unknown: the number of the unknown token.

    >>> OneHot(4)(torch.tensor([0, 2]))
    tensor([[0., 0., 0.],
            [0., 1., 0.]])
    """

    vectors: Tensor

    def __init__(self, count: int, *, unknown: int = 0) -> None:
        super().__init__()
        check_positive("count", count - 1)
        self.output_size = count - 1
        places = torch.eye(count)
        vectors = torch.cat([places[:, :unknown], places[:, unknown + 1 :]], 1)
        self.register_buffer("vectors", vectors, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(T, B) numbers to (T, B, V - 1)."""
        return F.embedding(tokens, self.vectors)

    def extra_repr(self) -> str:
        return str(self.output_size)
