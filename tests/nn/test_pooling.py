"""One vector from a sequence: padding has no part in it, whatever stands there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mnemonist.errors import ShapeError
from mnemonist.nn import AttentionPool, last_valid, max_valid, mean_valid

Pool = Callable[..., Tensor]


@pytest.fixture(params=["last", "mean", "max", "attention"])
def pool(request: pytest.FixtureRequest) -> Pool:
    plain = {"last": last_valid, "mean": mean_valid, "max": max_valid}
    return plain.get(request.param) or AttentionPool(5, 3)


def test_a_row_among_longer_ones_gives_what_it_gives_alone(pool: Pool) -> None:
    generator = torch.Generator().manual_seed(1)
    lengths = [7, 1, 4]
    rows = [torch.randn(n, 5, generator=generator) for n in lengths]
    padded = torch.full((9, 3, 5), float("nan"))
    for k, row in enumerate(rows):
        padded[: len(row), k] = row
    together = pool(padded, lengths)
    alone = torch.cat([pool(row[:, None]) for row in rows])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("steps", [0, 3])
def test_a_row_of_length_0_gives_zeros(pool: Pool, steps: int) -> None:
    assert pool(torch.randn(steps, 2, 5), [0, 0]).equal(torch.zeros(2, 5))


def test_padding_gets_no_gradient(pool: Pool) -> None:
    outputs = torch.randn(6, 2, 5, requires_grad=True)
    pool(outputs, [6, 2]).sum().backward()
    assert outputs.grad is not None
    assert outputs.grad[2:, 1].eq(0).all()
    assert outputs.grad[:2, 1].ne(0).any()


def test_attention_weighs_the_valid_steps_and_sums_to_one() -> None:
    pool = AttentionPool(5)
    weights = pool.weights(torch.randn(6, 2, 5), [6, 2])
    assert weights.sum(0).allclose(torch.ones(2, 1))
    assert weights[2:, 1].eq(0).all()


def test_equal_scores_make_attention_the_mean() -> None:
    pool = AttentionPool(5)
    torch.nn.init.zeros_(pool.score.weight)
    outputs = torch.randn(6, 2, 5)
    torch.testing.assert_close(pool(outputs, [6, 2]), mean_valid(outputs, [6, 2]))


def test_what_is_no_sequence_of_vectors_is_refused(pool: Pool) -> None:
    with pytest.raises(ShapeError, match=r"\(T, B, E\)"):
        pool(torch.zeros(3, 5))
    with pytest.raises(ShapeError, match="lengths"):
        pool(torch.zeros(3, 2, 5), [4, 1])
