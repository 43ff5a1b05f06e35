"""Sequence-wise batch normalisation, against torch's on the valid steps alone."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from mnemonist.errors import ShapeError
from mnemonist.nn import LastStep, SequenceBatchNorm, last_valid

LENGTHS = torch.tensor([3, 6, 0, 5])


def valid_steps(x):
    return torch.cat([x[:n, b] for b, n in enumerate(LENGTHS.tolist())])


def test_it_is_batch_norm_over_the_valid_steps_of_all_rows():
    ours, torchs = SequenceBatchNorm(3), torch.nn.BatchNorm1d(3)
    for module in (ours, torchs):
        torch.nn.init.constant_(module.weight, 1.5)
        torch.nn.init.constant_(module.bias, 0.5)
    for _ in range(3):
        x = torch.randn(6, 4, 3) * 2 + 1
        valid = torch.arange(6)[:, None] < LENGTHS
        x[~valid] = float("nan")
        y = ours(x, LENGTHS)
        assert_close(valid_steps(y), torchs(valid_steps(x)))
        assert not y[~valid].any()
    assert_close(ours.running_mean, torchs.running_mean)
    assert_close(ours.running_var, torchs.running_var)
    ours.eval(), torchs.eval()
    assert_close(valid_steps(ours(x, LENGTHS)), torchs(valid_steps(x)))
    whole = torch.randn(6, 4, 3)
    assert_close(ours(whole), torchs(whole.flatten(0, 1)).view(6, 4, 3))


def test_its_gradient_goes_through_the_statistics_and_not_through_padding():
    norm = SequenceBatchNorm(2)
    x = torch.randn(4, 3, 2, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm(x, [4, 2, 0]), x)
    x = x.detach().clone()
    x[2:, 1] = float("nan")
    x.requires_grad_()
    norm(x, [4, 2, 0]).square().sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[2:, 1].any()


def test_a_batch_without_a_valid_step_leaves_the_running_averages():
    norm = SequenceBatchNorm(2)
    before = norm.running_mean.clone(), norm.running_var.clone()
    assert norm(torch.zeros(0, 3, 2)).shape == (0, 3, 2)
    assert not norm(torch.randn(4, 3, 2), [0, 0, 0]).any()
    assert_close((norm.running_mean, norm.running_var), before)


def test_wrong_width_is_named():
    with pytest.raises(ShapeError, match=r"x must be \(T, B, 2\); got \(4, 3, 5\)"):
        SequenceBatchNorm(2)(torch.zeros(4, 3, 5))


def test_last_valid_is_the_last_step_of_each_row():
    x = torch.randn(6, 4, 3, requires_grad=True)
    last = last_valid(x, LENGTHS)
    assert_close(last, torch.stack([x[2, 0], x[5, 1], torch.zeros(3), x[4, 3]]))
    assert_close(LastStep()(x), x[-1])
    last.sum().backward()
    assert x.grad.sum() == 9
    assert not last_valid(x[:0], [0, 0, 0, 0]).any()
    with pytest.raises(ShapeError, match="lengths"):
        last_valid(x, [1, 2])
