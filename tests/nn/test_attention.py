"""Attention against its formulas, and what padding must not do."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn.attention import ATTENTIONS, Additive, Multiplicative, make_attention

LENGTHS = torch.tensor([5, 3, 0, 1])


def make(name):
    return make_attention(name, 6, 6)


def by_hand(attention, q, m):
    """The score of one query and one memory vector, as the papers write it."""
    if isinstance(attention, Additive):
        hidden = attention.W.weight @ q + attention.U.weight @ m + attention.U.bias
        return attention.v.weight[0] @ torch.tanh(hidden)
    if attention.form == "dot":
        return q @ m
    score = q @ (attention.W.weight @ m)
    return score / math.sqrt(6) if attention.form == "scaled" else score


@pytest.mark.parametrize("name", ATTENTIONS)
def test_context_and_weights_are_those_of_the_formula(name):
    attention = make(name)
    query, values = torch.randn(2, 4, 6), torch.randn(5, 4, 6)
    values[3:, 1] = float("nan")  # padding must not be looked at
    context, weights = attention(query, attention.remember(values, LENGTHS))
    for t in range(2):
        for row, length in enumerate(LENGTHS.tolist()):
            scores = [by_hand(attention, query[t, row], values[s, row]) for s in range(length)]
            alpha = torch.stack(scores).softmax(0) if scores else torch.zeros(0)
            assert_close(weights[t, row, :length], alpha)
            assert weights[t, row, length:].eq(0).all()
            assert_close(context[t, row], alpha @ values[:length, row])
    assert_close(weights.sum(-1), (LENGTHS > 0).double().expand(2, 4))
    assert_close(attention(query[1], attention.remember(values, LENGTHS))[0], context[1])


@pytest.mark.parametrize("name", ATTENTIONS)
def test_gradients_do_not_see_padding_or_empty_sources(name):
    attention = make(name)
    query = torch.randn(2, 4, 6, requires_grad=True)
    values = torch.randn(5, 4, 6)
    values[3:, 1], values[:, 2] = float("nan"), float("inf")
    values.requires_grad_()
    context, _ = attention(query, attention.remember(values, LENGTHS))
    context.square().sum().backward()
    assert query.grad.isfinite().all()
    assert not values.grad[3:, 1].any()
    assert not values.grad[:, 2].any()
    assert all(p.grad.isfinite().all() for p in attention.parameters())


def test_without_lengths_every_position_is_valid():
    attention = make("general")
    query, values = torch.randn(2, 4, 6), torch.randn(5, 4, 6)
    all_of_them = attention(query, attention.remember(values, [5, 5, 5, 5]))
    assert_close(attention(query, attention.remember(values)), all_of_them)
    context, weights = attention(query, attention.remember(values[:0]))
    assert weights.shape == (2, 4, 0)
    assert not context.any()


def test_wrong_sizes_and_names_are_named():
    with pytest.raises(ConfigError, match="equally wide; they are 4 and 6"):
        Multiplicative(4, 6, form="dot")
    with pytest.raises(ConfigError, match="Did you mean 'additive'"):
        make_attention("aditive", 4, 6)
    attention = Additive(4, 6)
    with pytest.raises(ShapeError, match=r"values must be \(S, B, 6\)"):
        attention.remember(torch.zeros(3, 2, 5))
    with pytest.raises(ShapeError, match=r"query must be \(T, B, 4\)"):
        attention(torch.zeros(2, 6), attention.remember(torch.zeros(3, 2, 6)))
