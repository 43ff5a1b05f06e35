"""Softmaxes over a vocabulary: plain, tied, adaptive."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn import AdaptiveSoftmax, Softmax

HEADS = {
    "plain": lambda: Softmax(6, 50),
    "tied": lambda: Softmax(6, 50, tied=nn.Embedding(51, 6)),
    "tied through a projection": lambda: Softmax(6, 50, tied=nn.Embedding(51, 4)),
    "adaptive": lambda: AdaptiveSoftmax(6, 50, cutoffs=[5, 20], narrower=2),
}


@pytest.mark.parametrize("name", HEADS)
def test_surprisal_is_minus_the_logarithm_of_the_targets_probability(name: str) -> None:
    head = HEADS[name]().double()
    hidden = torch.randn(4, 3, 6, dtype=torch.float64)
    target = torch.randint(0, 50, (4, 3))
    log_probs: Tensor = head.log_probs(hidden)
    assert torch.allclose(log_probs.exp().sum(-1), torch.ones(4, 3, dtype=torch.float64))
    expected = -log_probs.gather(-1, target[..., None])[..., 0]
    assert torch.allclose(head.surprisal(hidden, target), expected)
    assert torch.allclose(head(hidden).log_softmax(-1), log_probs)


def test_a_tied_softmax_and_its_embedding_are_one_matrix() -> None:
    table = nn.Embedding(5, 3)
    head = Softmax(3, 4, tied=table)
    model = nn.ModuleDict({"table": table, "head": head})
    assert sum(p.numel() for p in model.parameters()) == 5 * 3 + 4
    head.surprisal(torch.randn(2, 3), torch.tensor([1, 2])).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad[:4].abs().sum() > 0
    assert table.weight.grad[4].eq(0).all()  # a row beyond the vocabulary is no word


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least as many rows"):
        Softmax(3, 5, tied=nn.Embedding(4, 3))
    with pytest.raises(ConfigError, match="cutoffs"):
        AdaptiveSoftmax(3, 10, cutoffs=[5, 3])
    with pytest.raises(ShapeError, match="width 3"):
        Softmax(3, 5)(torch.zeros(2, 4))
