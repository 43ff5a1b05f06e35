"""The linear scan against its definition, one step after another."""

from __future__ import annotations

import pytest
import torch

from mnemonist.engine.scan import linear_scan


def one_by_one(a, b, state):
    states = []
    for decay, push in zip(a, b):
        state = decay * state + push
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 16, 17, 257])
def test_scan_is_the_recurrence(steps):
    torch.manual_seed(steps)
    a = torch.rand(steps, 2, 3, dtype=torch.float64)
    b, start = torch.randn_like(a), torch.randn(2, 3, dtype=torch.float64)
    torch.testing.assert_close(linear_scan(a, b, start), one_by_one(a, b, start))


def test_no_steps_and_no_rows():
    assert linear_scan(torch.zeros(0, 2, 3), torch.zeros(0, 2, 3), torch.zeros(2, 3)).shape == (
        0,
        2,
        3,
    )
    assert linear_scan(torch.zeros(4, 0, 3), torch.zeros(4, 0, 3), torch.zeros(0, 3)).shape == (
        4,
        0,
        3,
    )


def test_gradients_of_first_and_second_order():
    torch.manual_seed(0)
    a = torch.rand(7, 2, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(7, 2, 3, dtype=torch.float64, requires_grad=True)
    start = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_scan, (a, b, start))
    assert torch.autograd.gradgradcheck(linear_scan, (a, b, start))


def test_a_decay_of_zero_forgets_even_what_is_not_finite_in_the_sum():
    a = torch.tensor([1.0, 0.0, 1.0]).reshape(3, 1, 1)
    b = torch.tensor([5.0, 7.0, 1.0]).reshape(3, 1, 1)
    assert linear_scan(a, b, torch.full((1, 1), 3.0)).flatten().tolist() == [8.0, 7.0, 8.0]
