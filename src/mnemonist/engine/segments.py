"""Checkpointed backpropagation: segments of a sequence that are run again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isqrt

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint as recompute

from mnemonist.engine.constants import settled
from mnemonist.engine.executors import Choice, Result
from mnemonist.engine.job import Job
from mnemonist.engine.native import inside
from mnemonist.engine.parametrised import cached, held, weights_of

__all__ = ["run_in_segments"]


def run_in_segments(choice: Choice, job: Job, size: int) -> Result:
    """Run in segments of `size` steps, or √T if 0, that are run again (Chen et al. 2016).

    What depends on parameters only is computed once and handed to every segment, so that a
    dropped weight is the same in all of them and in what is run again.
    """
    steps = len(job.x)
    if steps == 0 or not torch.is_grad_enabled():
        return choice.run(job)
    size = size or max(1, isqrt(steps))
    if torch.compiler.is_compiling():
        # a graph recomputes its operators, not this code: what is cached here stays so
        with cached():
            return _in_segments(_in_graph(choice, job), job, size)
    return _in_segments(_with_weights(choice, job), job, size)


def _in_segments(run: Callable[[Job], Result], job: Job, size: int) -> Result:
    steps, state = len(job.x), dict(job.state)
    pieces = []
    for start in range(0, steps, size):
        piece = job.piece(start, min(start + size, steps), state)
        values, state = recompute(run, piece, use_reentrant=False)
        pieces.append(values)
    return {name: torch.cat([piece[name] for piece in pieces]) for name in job.keep}, state


def _with_weights(choice: Choice, job: Job) -> Callable[[Job], Result]:
    """What runs a piece of a job with weights that are computed here."""
    program, executor = choice.program, choice.executor
    if program is not None and executor.needs_program:
        program, leaves = settled(program, job.leaves_of(program), job.x)
        return lambda piece: executor.run(replace(piece, leaves=leaves), program)
    assert isinstance(job.cell, nn.Module)
    weights = weights_of(job.cell)

    def by_the_step(piece: Job) -> Result:
        with held(weights):
            return choice.run(piece)

    return by_the_step


def _in_graph(choice: Choice, job: Job) -> Callable[[Job], Result]:
    """`_with_weights` inside torch.compile."""
    if choice.executor.needs_program:
        constants = inside.prologue_inside(job)
        return lambda piece: inside.run_inside(piece, constants)
    assert isinstance(job.cell, nn.Module)
    weights_of(job.cell)
    return choice.run
