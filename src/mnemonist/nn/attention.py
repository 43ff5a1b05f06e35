"""Attention: what of a memory a query asks for.

A memory holds one vector m_s (M) for each source position s; a query q (Q) weighs them:

    α_s = softmax_s(score(q, m_s)),    context = Σ_s α_s m_s

with the softmax over each row's valid positions. Padding has weight exactly 0, and a row
without any valid position has the context 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from mnemonist.engine.time import check_lengths, valid_mask
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._check import check_choice

__all__ = ["ATTENTIONS", "Additive", "Attention", "Memory", "Multiplicative", "make_attention"]


@dataclass(frozen=True)
class Memory:
    """What attention may look at.

    Attributes:
        values: (S, B, M), zero on padding.
        keys: (S, B, K), what of the values a query is compared with; computed once a source.
        valid: bool (B, S), false on padding; None if there is none.
    """

    values: Tensor
    keys: Tensor
    valid: Tensor | None


class Attention(nn.Module):
    """What the scores have in common; a subclass says how keys are made and scored.

    Args:
        query_size: Q. memory_size: M.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size

    def keys(self, values: Tensor) -> Tensor:
        """(S, B, M) to (S, B, K)."""
        raise NotImplementedError

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """(T, B, Q) and (S, B, K) to (T, B, S)."""
        raise NotImplementedError

    def remember(self, values: Tensor, lengths: Tensor | list[int] | None = None) -> Memory:
        """Make the memory of a batch of sources.

        Args:
            values: (S, B, M), for instance the outputs of an encoder.
            lengths: (B,), the positions of each row; all S if not given.

        Raises:
            ShapeError: `values` is not (S, B, M), or the lengths do not fit it.
        """
        if values.dim() != 3 or values.shape[-1] != self.memory_size:
            raise ShapeError(
                f"values must be (S, B, {self.memory_size}); got {tuple(values.shape)}"
            )
        if lengths is None:
            return Memory(values, self.keys(values), None)
        steps, rows = values.shape[:2]
        valid = valid_mask(check_lengths(lengths, steps, rows, values.device), steps)
        values = values.masked_fill(~valid, 0.0)
        return Memory(values, self.keys(values), valid[..., 0].T)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Ask the memory.

        Args:
            query: (T, B, Q), or (B, Q) for one step.

        Returns:
            The context (T, B, M) and the weights (T, B, S), or (B, M) and (B, S).

        Raises:
            ShapeError: the query has another width than Q.
        """
        if query.dim() == 2:
            context, weights = self(query[None], memory)
            return context[0], weights[0]
        if query.dim() != 3 or query.shape[-1] != self.query_size:
            raise ShapeError(
                f"the query must be (T, B, {self.query_size}); got {tuple(query.shape)}"
            )
        score = self.score(query, memory.keys)
        if memory.valid is not None:
            # the lowest number and not -inf: a row without any valid position must not be NaN
            score = score.masked_fill(~memory.valid, torch.finfo(score.dtype).min)
        weights = score.softmax(-1)
        if memory.valid is not None:
            weights = weights.masked_fill(~memory.valid, 0.0)
        return torch.einsum("tbs,sbm->tbm", weights, memory.values), weights

    def extra_repr(self) -> str:
        return f"query {self.query_size}, memory {self.memory_size}"


class Additive(Attention):
    """Additive attention (Bahdanau, Cho & Bengio 2015).

    score(q, m) = vᵀ tanh(W q + U m + b)

    Args:
        query_size: Q. memory_size: M.
        size: width of v; Q if not given.

    >>> attention = Additive(4, 6)
    >>> memory = attention.remember(torch.randn(5, 2, 6), lengths=[5, 3])
    >>> context, weights = attention(torch.randn(2, 4), memory)
    >>> context.shape, weights[1, 3:]
    (torch.Size([2, 6]), tensor([0., 0.], grad_fn=<SliceBackward0>))
    """

    def __init__(self, query_size: int, memory_size: int, *, size: int | None = None) -> None:
        super().__init__(query_size, memory_size)
        size = query_size if size is None else size
        self.W = nn.Linear(query_size, size, bias=False)
        self.U = nn.Linear(memory_size, size)
        self.v = nn.Linear(size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.U(values)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        together = self.W(query)[:, :, None] + keys.transpose(0, 1)
        return self.v(torch.tanh(together))[..., 0]


class Multiplicative(Attention):
    """Multiplicative attention (Luong, Pham & Manning 2015; scaled: Vaswani et al. 2017).

    - "dot":      score(q, m) = qᵀ m, for Q = M
    - "general":  score(q, m) = qᵀ W m
    - "scaled":   score(q, m) = qᵀ W m / √Q

    Args:
        query_size: Q. memory_size: M.
        form: "dot", "general" or "scaled".

    Raises:
        ConfigError: an unknown form, or "dot" where Q and M differ.
    """

    def __init__(
        self,
        query_size: int,
        memory_size: int,
        *,
        form: Literal["dot", "general", "scaled"] = "general",
    ) -> None:
        super().__init__(query_size, memory_size)
        check_choice("form of attention", form, ("dot", "general", "scaled"))
        if form == "dot" and query_size != memory_size:
            raise ConfigError(
                f"dot attention multiplies the query with the memory, so that both must be "
                f"equally wide; they are {query_size} and {memory_size}. Choose 'general'"
            )
        self.form = form
        self.W = None if form == "dot" else nn.Linear(memory_size, query_size, bias=False)
        self.scale = 1 / sqrt(query_size) if form == "scaled" else 1.0

    def keys(self, values: Tensor) -> Tensor:
        return values if self.W is None else self.W(values)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.einsum("tbk,sbk->tbs", query, keys) * self.scale

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, {self.form}"


ATTENTIONS = ("additive", "dot", "general", "scaled")


def make_attention(name: str, query_size: int, memory_size: int) -> Attention:
    """The attention of that name.

    Raises:
        ConfigError: an unknown name.
    """
    check_choice("attention", name, ATTENTIONS)
    if name == "additive":
        return Additive(query_size, memory_size)
    return Multiplicative(query_size, memory_size, form=name)  # type: ignore[arg-type]
