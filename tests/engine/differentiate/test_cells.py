"""Every cell of the catalogue: the backward program against autograd through its step."""

from __future__ import annotations

import pytest
import torch
from gradient_agreement import assert_gradient_agrees, gradient_job, run_job
from program_zoo import GOOD, Cell

from mnemonist import cells
from mnemonist.cells.activations import ACTIVATIONS
from mnemonist.engine.differentiate import differentiate
from mnemonist.engine.trace import program_of
from mnemonist.engine.transforms import bind

NAMES = [name for name in cells.names() if name != "lstm_batch_norm"]  # it mixes rows: no program


@pytest.mark.parametrize("name", NAMES)
def test_catalogue(name: str) -> None:
    torch.manual_seed(0)
    cell = cells.get(name)(3, 8).double()
    assert_gradient_agrees(gradient_job(cell, seed=1))


@pytest.mark.parametrize("kind", GOOD)
def test_cells_of_users(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(3, 6).double()
    # torch's own float64 gradient of hardsigmoid is off by 5e-9
    tolerance = 1e-7 if kind.__name__ == "Activations" else 1e-12
    assert_gradient_agrees(gradient_job(cell, seed=1), tolerance=tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", ["elman", "lstm_peephole", "gru"])
def test_activations(name: str, activation: str) -> None:
    torch.manual_seed(0)
    cell = cells.get(name)(3, 5, activation=activation).double()
    # torch's own float64 gradient of hardsigmoid is off by 5e-9
    tolerance = 1e-7 if activation == "hard_sigmoid" else 1e-12
    assert_gradient_agrees(gradient_job(cell), tolerance=tolerance)


TIMED = ["lstm", "gru", "elman_jordan", "lstm_projected", "slstm", "mingru"]


@pytest.mark.parametrize("name", TIMED)
def test_lengths_and_resets(name: str) -> None:
    """Padding may hold anything; a row of length 0 hands its state's gradient on."""
    torch.manual_seed(0)
    cell = cells.get(name)(3, 4).double()
    resets = torch.rand(5, 4) < 0.4
    job = gradient_job(cell, 5, 4, lengths=torch.tensor([5, 2, 0, 3]), resets=resets)
    gradient, run = assert_gradient_agrees(job)
    with torch.no_grad():
        job.x[2:, 1] = float("nan")
    again = run_job(gradient, job)
    for group in ("values", "finals", "inputs", "states", "initial", "leaves"):
        torch.testing.assert_close(getattr(again, group), getattr(run, group), rtol=0, atol=0)
    assert run.inputs["x"][2:, 1].eq(0).all()


@pytest.mark.parametrize("name", ["jordan", "elman_jordan", "lstm"])
def test_states_forced_here_and_there(name: str) -> None:
    torch.manual_seed(0)
    cell = cells.get(name)(3, 4).double()
    state, width = next(iter(cell.state_sizes.items()))
    forced = {state: torch.randn(5, 2, width, dtype=torch.float64)}
    mask = torch.tensor([True, False, True, True, False])[:, None].expand(5, 2)
    job = gradient_job(cell, 5, 2, forced=forced, forced_mask=mask)
    _, run = assert_gradient_agrees(job)
    assert run.forced[state][1].eq(0).all()
    assert not run.forced[state][2].eq(0).all()


def test_a_state_forced_everywhere_hands_nothing_back() -> None:
    torch.manual_seed(0)
    cell = cells.get("elman_jordan")(3, 4).double()
    state, width = next(reversed(cell.state_sizes.items()))
    forced = {state: torch.randn(5, 2, width, dtype=torch.float64)}
    _, run = assert_gradient_agrees(gradient_job(cell, 5, 2, forced=forced))
    assert run.states[state].eq(0).all()


def test_no_steps() -> None:
    """The final state is the first one, and so is its gradient."""
    cell = cells.get("lstm")(3, 4).double()
    _, run = assert_gradient_agrees(gradient_job(cell, 0, 2))
    assert run.inputs["x"].shape == (0, 2, 3)
    assert all(d.eq(0).all() for d in run.leaves.values())


def test_part_of_the_values() -> None:
    torch.manual_seed(0)
    cell = cells.get("lstm")(3, 4).double()
    for keep in (("h",), ("c",), ()):
        assert_gradient_agrees(gradient_job(cell), keep=keep)


def test_a_bound_network_has_no_loop() -> None:
    """Jordan's under full teacher forcing: every product runs for all steps at once."""
    program = bind(program_of(cells.get("jordan")(3, 4)), "y")
    gradient = differentiate(program)
    assert not gradient.loop
    assert not gradient.states
    assert set(gradient.inputs) == {"x", "y"}
    assert sum(n.op == "mmT" for n in gradient.after) == 3
