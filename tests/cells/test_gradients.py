"""The gradient of every cell, through three steps, against finite differences in float64."""

import pytest
import torch

from mnemonist import cells
from mnemonist.cells import VariationalDropout, WeightDropout, Zoneout
from mnemonist.engine import unroll


def away_from_zero(cell, batch):
    """A start state whose finite differences exist: sLSTM's own start has m = -∞ and n = 0."""
    state = {n: torch.randn(batch, w, dtype=torch.float64) for n, w in cell.state_sizes.items()}
    if "n" in state:
        state["n"] = state["n"].abs() + 0.5
    if "t" in state:
        state["t"] = torch.zeros(batch, 1, dtype=torch.float64)
    return state


def check(cell, extras=None):
    torch.manual_seed(3)
    cell.double().requires_grad_(True)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_(std=0.6)
    x = torch.randn(3, 3, 2, dtype=torch.float64, requires_grad=True)
    start = away_from_zero(cell, 3)
    leaves = {n: v.requires_grad_(n != "t") for n, v in start.items()}
    names = [n for n, _ in cell.named_parameters()]

    def run(x, *values):
        state = dict(zip(leaves, values))
        return unroll(cell, x, state, extras=extras, all_states=True, executor="eager").states

    def outputs(*inputs):
        named = dict(zip(names, inputs[1 + len(leaves) :], strict=True))
        with torch.nn.utils.stateless._reparametrize_module(cell, named):
            states = run(*inputs[: 1 + len(leaves)])
        return tuple(value for name, value in states.items() if name != "t")

    # fast mode: the whole Jacobian between two random directions, not entry by entry
    inputs = (x, *leaves.values(), *cell.parameters())
    assert torch.autograd.gradcheck(outputs, inputs, atol=1e-6, fast_mode=True)


@pytest.mark.parametrize("name", cells.names())
def test_gradients_of_x_states_and_parameters(name):
    check(cells.get(name)(2, 3))


@pytest.mark.parametrize("activation", [a for a in cells.ACTIVATIONS if a != "hard_sigmoid"])
def test_gradients_with_every_activation(activation):
    check(cells.LSTM(2, 3, activation=activation))


def test_gradients_through_masks_and_dropped_weights():
    torch.manual_seed(1)
    cell = VariationalDropout(Zoneout(cells.GRU(2, 3), 0.3), input=0.3, state=0.3).double()
    check(cell, extras=cell.draw_extras(3, 3, dtype=torch.float64))


def test_weight_dropout_sends_no_gradient_to_a_dropped_weight():
    torch.manual_seed(2)
    cell = WeightDropout(cells.Elman(2, 6), 0.5).double()
    with torch.nn.utils.parametrize.cached():
        dropped = (cell.cell.hidden.U == 0).clone()
        x = torch.randn(4, 3, 2, dtype=torch.float64)
        unroll(cell, x, executor="eager").output.sum().backward()
    gradient = cell.cell.hidden.parametrizations.U.original.grad
    assert 0 < dropped.sum() < dropped.numel()
    assert (gradient[dropped] == 0).all()
    assert (gradient[~dropped] != 0).all()
