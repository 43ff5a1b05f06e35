"""Numbers of tokens as vectors."""

from __future__ import annotations

import pytest
import torch

from mnemonist.errors import ConfigError
from mnemonist.nn import OneHot, TokenEmbedding


def test_every_known_token_has_a_place_of_its_own_and_the_unknown_none() -> None:
    one_hot = OneHot(5, unknown=2)
    vectors = one_hot(torch.tensor([0, 1, 3, 4, 2]))
    assert vectors[:4].equal(torch.eye(4))
    assert vectors[4].eq(0).all()
    assert not list(one_hot.parameters())


def test_token_dropout_reads_that_share_as_unknown_in_training_only() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(6, 3, unknown=1, token_dropout=0.25)
    tokens = torch.full((100, 100), 4)
    read = embedding(tokens)
    unknown = read.eq(embedding.weight[1]).all(-1)
    known = read.eq(embedding.weight[4]).all(-1)
    assert (unknown | known).all()
    assert unknown.float().mean() == pytest.approx(0.25, abs=0.02)
    assert embedding.eval()(tokens).eq(embedding.weight[4]).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="token_dropout"):
        TokenEmbedding(3, 2, token_dropout=1.5)
    with pytest.raises(ConfigError, match="count"):
        OneHot(1)
