"""Parallel over time: the linear recurrence s_t = a_t ⊙ s_{t-1} + b_t.

Cells such as minGRU and minLSTM (Feng et al. 2024) are linear in their state with
coefficients that depend on the input only. Such a recurrence is associative (Blelloch
1990; Martin & Cundy 2018), so T steps need not be taken one after another.
"""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor

__all__ = ["linear_scan"]


def linear_scan(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """All states of s_t = a_t ⊙ s_{t-1} + b_t.

    Args:
        a: (T, B, W), the decay.
        b: (T, B, W), the input.
        start: (B, W), the state before the first step.

    Returns:
        (T, B, W), s_1 to s_T; differentiable any number of times.

    >>> linear_scan(torch.full((3, 1, 1), 0.5), torch.ones(3, 1, 1), torch.zeros(1, 1)).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    a, b = torch.broadcast_tensors(a, b)
    return _LinearScan.apply(a, b, start.expand(a.shape[1:]))


class _LinearScan(torch.autograd.Function):
    """The backward of a scan is a scan in the other direction.

    With g_t the gradient that reaches s_t from outside, the whole gradient is
    d_t = g_t + a_{t+1} ⊙ d_{t+1}; then ∂b_t = d_t, ∂a_t = d_t ⊙ s_{t-1}, ∂s_0 = a_1 ⊙ d_1.
    """

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
        states = _two_level(a, b, start)
        ctx.save_for_backward(a, start, states)
        return states

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, start, states = ctx.saved_tensors
        if not len(a):
            return torch.zeros_like(a), torch.zeros_like(a), torch.zeros_like(start)
        following = torch.cat([a[1:], torch.zeros_like(a[:1])])
        total = linear_scan(following.flip(0), gradient.flip(0), torch.zeros_like(start)).flip(0)
        previous = torch.cat([start[None], states[:-1]])
        return total * previous, total, a[0] * total[0]


def _two_level(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """Pieces of about √T steps, all at once, each from zero; then what each piece hands on."""
    steps = len(a)
    size = max(1, isqrt(steps))
    pieces = -(-steps // size)
    missing = pieces * size - steps
    if missing:  # behind the end nothing is added and the state is kept
        a = torch.cat([a, a.new_ones(missing, *a.shape[1:])])
        b = torch.cat([b, b.new_zeros(missing, *b.shape[1:])])
    a = a.reshape(pieces, size, *a.shape[1:])
    b = b.reshape(pieces, size, *b.shape[1:])
    decay, local = torch.empty_like(a), torch.empty_like(b)
    for t in range(size):
        if t == 0:
            decay[:, 0], local[:, 0] = a[:, 0], b[:, 0]
        else:
            torch.mul(a[:, t], decay[:, t - 1], out=decay[:, t])
            torch.addcmul(b[:, t], a[:, t], local[:, t - 1], out=local[:, t])
    carry = start
    for piece in range(pieces):
        local[piece].addcmul_(decay[piece], carry)
        carry = local[piece, -1]
    return local.reshape(pieces * size, *local.shape[2:])[:steps]
