"""Parallel over time: the linear recurrence s_t = a_t ⊙ s_{t-1} + b_t.

Cells such as minGRU and minLSTM (Feng et al. 2024) are linear in their state with
coefficients that depend on the input only. Such a recurrence is associative (Blelloch
1990; Martin & Cundy 2018), so T steps need not be taken one after another.
"""

from __future__ import annotations

from math import isqrt
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.constants import settled
from mnemonist.engine.interpret import run_program
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.program import Program
from mnemonist.engine.transforms import LinearRecurrence, linear_recurrence

__all__ = ["linear_scan", "obstacle", "run_scan"]

_KNOWN: WeakKeyDictionary[Program, LinearRecurrence | None] = WeakKeyDictionary()


def _recurrence(program: Program) -> LinearRecurrence | None:
    """`linear_recurrence`, worked out once a program."""
    if program not in _KNOWN:
        _KNOWN[program] = linear_recurrence(program)
    return _KNOWN[program]


def obstacle(program: Program, job: Job) -> str | None:
    """Why a job is no linear recurrence, or None if it is one."""
    if _recurrence(program) is None:
        return "the state is no linear function of the state before it"
    if job.forced and job.forced_mask is None:
        return "every step is forced, so that no recurrence is left to scan"
    return None


def run_scan(program: Program, job: Job) -> tuple[Trace, dict[str, Tensor]]:
    """Run a program whose states are linear recurrences: coefficients, scan, the rest.

    A step at which the state before it is given (a reset, a forced state r) has no memory:
    s_t = 0 ⊙ s_{t-1} + (a_t ⊙ r + b_t). A step behind a row's end keeps the state: a = 1, b = 0.
    """
    program, leaves = settled(program, job.leaves_of(program), job.x)  # once, for both parts
    linear = _recurrence(program)
    assert linear is not None
    valid = job.valid
    wanted = linear.coefficients.emits
    coefficients, _ = run_program(linear.coefficients, leaves, job.x, {}, job.extras, keep=wanted)
    previous, final = {}, {}
    for name in linear.states:
        a, b = coefficients[f"{name}.a"], coefficients[f"{name}.b"]
        given = _given_before(job, name)
        if given is not None:
            where, value = given
            b = torch.where(where, a * value + b, b)
            a = a.masked_fill(where, 0)
        if valid is not None:
            a, b = a.masked_fill(~valid, 1), b.masked_fill(~valid, 0)
        states = torch.cat([job.state[name][None], linear_scan(a, b, job.state[name])])
        final[name] = states[-1]
        before = states[:-1]
        previous[name] = before if given is None else torch.where(where, value, before)
    values, others = run_program(
        linear.readout,
        leaves,
        job.x,
        job.state,
        job.extras,
        keep=job.keep,
        valid=valid,
        forced=previous,
    )
    return values, others | final


def _given_before(job: Job, name: str) -> tuple[Tensor, Tensor] | None:
    """Where (T, B, 1) the state before a step is given, and what it is (T or 1, B, width)."""
    where = value = None
    if job.resets is not None:
        where, value = job.resets[..., None], job.initial[name][None]
    if job.forced and name in job.forced:
        assert job.forced_mask is not None
        forced, here = job.forced[name], job.forced_mask[..., None]
        value = forced if value is None else torch.where(here, forced, value)
        where = here if where is None else where | here
    return None if where is None or value is None else (where, value)


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
    def forward(ctx: Any, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
        states = _two_level(a, b, start)
        ctx.save_for_backward(a, start, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
