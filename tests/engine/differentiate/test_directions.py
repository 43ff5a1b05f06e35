"""Jacobians of a step and forward mode, against torch.func on the cell's own step."""

from __future__ import annotations

import pytest
import torch
from program_zoo import FusedOdd, Jordan, LayerNormLSTM, Masked, Passthrough, Readout
from random_programs import INPUT, random_program
from torch import Tensor

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine.differentiate import (
    differentiate,
    jvp,
    run_gradient,
    step_jacobian,
    tangent_program,
)
from mnemonist.engine.eager import named_step
from mnemonist.engine.interpret import run_program
from mnemonist.engine.program import Program
from mnemonist.engine.trace import program_of
from mnemonist.engine.transforms import bind

LIKE = {"dtype": torch.float64}
KINDS = [
    *(cells.get(n) for n in ("elman", "lstm", "gru", "lstm_peephole", "slstm", "rhn", "indrnn")),
    Jordan,
    LayerNormLSTM,
    Passthrough,
    FusedOdd,
    Readout,
]


@pytest.mark.parametrize("kind", KINDS)
def test_step_jacobian(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(3, 4).double()
    program = program_of(cell)
    x = torch.randn(5, 3, **LIKE)
    states = {n: torch.randn(5, w, **LIKE) for n, w in cell.state_sizes.items()}
    found = step_jacobian(program, program.leaves_of(cell), x, states)
    widths = [program.states[n] for n in program.carried]
    for row in range(5):

        def step(joined: Tensor, row: int = row) -> Tensor:
            before = {n: s[row][None] for n, s in states.items()}
            before |= dict(zip(program.carried, joined[None].split(widths, -1)))
            after = named_step(cell, x[row][None], before, {})
            return torch.cat([after[n][0] for n in program.carried])

        joined = torch.cat([states[n][row] for n in program.carried])
        wanted = torch.autograd.functional.jacobian(step, joined)
        torch.testing.assert_close(found[row], wanted, rtol=1e-12, atol=1e-12)


def test_step_jacobian_takes_any_leading_dimensions() -> None:
    torch.manual_seed(0)
    cell = cells.get("lstm")(3, 4)
    program = program_of(cell)
    leaves = program.leaves_of(cell)
    x, h, c = torch.randn(2, 6, 3), torch.randn(2, 6, 4), torch.randn(2, 6, 4)
    whole = step_jacobian(program, leaves, x, {"h": h, "c": c})
    one = step_jacobian(program, leaves, x[1, 2], {"h": h[1, 2], "c": c[1, 2]})
    assert whole.shape == (2, 6, 8, 8)
    assert one.shape == (8, 8)
    torch.testing.assert_close(whole[1, 2], one)


def test_step_jacobian_of_what_is_known_or_not_read_is_left_out() -> None:
    cell = Masked(3, 4)
    program = program_of(cell)
    x, mask, h = torch.randn(2, 3), torch.ones(2, 4), torch.randn(2, 4)
    leaves = program.leaves_of(cell)
    kept = step_jacobian(program, leaves, x, {"h": h}, {"mask": mask})
    torch.testing.assert_close(kept, torch.eye(4).expand(2, 4, 4))
    bound = bind(program, "h")
    empty = step_jacobian(bound, leaves, x, {"h": h}, {"mask": mask}, known={"h": h})
    assert empty.shape == (2, 0, 0)


def _directions(program: Program) -> tuple[dict, ...]:
    leaves = {n: torch.randn(s, **LIKE) for n, s in program.leaf_shapes.items()}
    state = {n: torch.randn(2, w, **LIKE) for n, w in program.states.items()}
    extras = {n: torch.randn(3, 2, w, **LIKE) for n, w in program.extras.items()}
    return leaves, state, extras


@pytest.mark.parametrize("first", [0, 50])
def test_forward_mode_of_random_programs(first: int) -> None:
    for seed in range(first, first + 50):
        torch.manual_seed(seed)
        program = random_program(seed)
        names = (*program.states, *program.outputs)
        x, (leaves, state, extras) = torch.randn(3, 2, INPUT, **LIKE), _directions(program)

        def run(x: Tensor, state: dict, extras: dict, leaves: dict) -> dict:
            return run_program(program, leaves, x, state, extras, keep=names)  # noqa: B023

        given = (x, state, extras, leaves)
        d_leaves, d_state, d_extras = _directions(program)
        direction = (torch.randn_like(x), d_state, d_extras, d_leaves)
        (values, finals), (d_values, d_finals) = torch.func.jvp(run, given, direction)
        found = jvp(
            program,
            leaves,
            x,
            state,
            extras,
            d_x=direction[0],
            d_state=d_state,
            d_extras=d_extras,
            d_leaves=d_leaves,
            keep=names,
        )
        for want, have in (
            (values, found.values),
            (finals, found.finals),
            (d_values, found.d_values),
            (d_finals, found.d_finals),
        ):
            assert want.keys() == have.keys()
            for name, value in want.items():
                scale = max(1.0, float(value.abs().max()))
                torch.testing.assert_close(
                    have[name], value, rtol=0, atol=1e-10 * scale, msg=f"program {seed}: {name}"
                )


def test_forward_and_reverse_mode_are_transposes() -> None:
    """⟨d, J v⟩ = ⟨Jᵀ d, v⟩"""
    torch.manual_seed(0)
    cell = cells.get("lstm_layer_norm")(3, 4).double()
    program = program_of(cell)
    leaves = program.leaves_of(cell)
    x, v, d = (
        torch.randn(5, 2, 3, **LIKE),
        torch.randn(5, 2, 3, **LIKE),
        torch.randn(5, 2, 4, **LIKE),
    )
    state = {n: torch.randn(2, 4, **LIKE) for n in ("h", "c")}
    forward = jvp(program, leaves, x, state, d_x=v).d_values["h"]
    back = run_gradient(differentiate(program), leaves, x, state, loss={"h": d}).inputs["x"]
    torch.testing.assert_close((forward * d).sum(), (back * v).sum())


def test_a_tangent_program_is_a_program() -> None:
    program = tangent_program(program_of(cells.get("gru")(3, 4)), ["reset.U"]).program
    again = Program.from_json(program.to_json())
    assert again.hash() == program.hash()
    assert tuple(again.states) == ("h", "h.tangent")


def test_what_does_not_move_costs_nothing() -> None:
    """Without a direction for parameters, one product more a step: that of the state's."""
    program = program_of(cells.get("lstm")(3, 4))
    moved = tangent_program(program)
    assert not moved.constants
    assert sum(n.op == "mm" for n in moved.program.loop) == 2
