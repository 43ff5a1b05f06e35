"""Random programs: the backward program against autograd through the forward one."""

from __future__ import annotations

import pytest
import torch
from random_programs import INPUT, random_program
from torch import Tensor

from mnemonist.engine.differentiate import differentiate, run_gradient
from mnemonist.engine.interpret import run_program
from mnemonist.engine.program import Program
from mnemonist.engine.transforms import bind

STEPS, ROWS = 3, 2
LIKE = {"dtype": torch.float64}


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, **LIKE).requires_grad_()


def assert_agrees(original: Program, seed: int, *bound: str) -> None:
    program = bind(original, *bound) if bound else original
    torch.manual_seed(seed)
    names = (*program.states, *program.outputs)
    widths = {**program.states, **program.outputs}
    leaves = {name: _random(*shape) for name, shape in program.leaf_shapes.items()}
    x = _random(STEPS, ROWS, INPUT)
    extras = {n: _random(1 if seed % 2 else STEPS, ROWS, w) for n, w in program.extras.items()}
    state = {n: _random(ROWS, w) for n, w in program.states.items()}
    known = {n: _random(STEPS, ROWS, program.states[n]) for n in program.bound}
    initial = {n: _random(ROWS, w) for n, w in program.states.items()}
    time = {
        "valid": (torch.tensor([[3], [1]]) > torch.arange(STEPS)[:, None, None])
        if seed % 3 == 0
        else None,
        "resets": torch.rand(STEPS, ROWS) < 0.3 if seed % 5 == 0 else None,
        "initial": initial,
    }
    values, finals = run_program(
        original,
        leaves,
        x,
        state,
        extras,
        keep=names,
        forced=known or None,
        **time,
    )
    loss = {n: torch.randn(STEPS, ROWS, widths[n], **LIKE) for n in names}
    final = {n: torch.randn(ROWS, widths[n], **LIKE) for n in program.carried}
    total = sum((values[n] * d).sum() for n, d in loss.items())
    total = total + sum((finals[n] * d).sum() for n, d in final.items())
    total = total + 0.0 * x.sum()  # a program may move with nothing at all
    asked = {
        "inputs": {"x": x, **extras, **known},
        "states": state,
        "initial": initial,
        "leaves": leaves,
    }
    flat = {(g, n): t for g, named in asked.items() for n, t in named.items()}
    wanted = torch.autograd.grad(total, list(flat.values()), allow_unused=True)

    gradient = differentiate(program, keep=names)
    run = run_gradient(
        gradient, leaves, x, state, extras, loss=loss, final=final, known=known, **time
    )
    for name in names:
        torch.testing.assert_close(run.values[name], values[name].detach(), rtol=1e-11, atol=1e-11)
    for ((group, name), tensor), want in zip(flat.items(), wanted, strict=True):
        want = torch.zeros_like(tensor) if want is None else want
        have = getattr(run, group).get(name, torch.zeros_like(want))
        scale = max(1.0, float(want.abs().max()))
        torch.testing.assert_close(have, want, rtol=0, atol=1e-10 * scale, msg=f"{group} {name}")


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_random_programs(first: int) -> None:
    for seed in range(first, first + 50):
        program = random_program(seed)
        bound = tuple(program.states)[:1] if seed % 4 == 3 else ()
        try:
            assert_agrees(program, seed, *bound)
        except Exception as error:
            pytest.fail(f"random program {seed}: {type(error).__name__}: {error}")
