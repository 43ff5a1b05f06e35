"""Laws of memory: what a cell must keep, sum or forget exactly."""

from functools import partial

import pytest
import torch
from torch import nn

from mnemonist import cells, engine
from mnemonist.cells.activations import ACTIVATIONS
from mnemonist.errors import CellError

unroll = partial(engine.unroll, executor="eager")  # the oracle: these are tests of equations

DOUBLE = torch.float64


def saturate(gate, bias):
    with torch.no_grad():
        for parameter in (gate.W, gate.U, gate.p):
            if parameter is not None:
                parameter.zero_()
        gate.b.fill_(bias)


@pytest.mark.parametrize("kind", [cells.LSTM, cells.PeepholeLSTM])
def test_an_open_forget_gate_and_a_closed_input_gate_hold_c_for_10000_steps(kind):
    torch.manual_seed(0)
    cell = kind(1, 4).double()
    saturate(cell.forget, 1000.0)  # σ(1000) is 1 and σ(-1000) is 0 in float64
    saturate(cell.input, -1000.0)
    c = torch.randn(2, 4, dtype=DOUBLE)
    with torch.no_grad():
        run = unroll(cell, torch.randn(10_000, 2, 1, dtype=DOUBLE), {"c": c})
    assert torch.equal(run.state["c"], c)
    assert run.output.std() > 0  # the output gate still sees x


def test_without_gates_c_is_the_sum_of_the_hidden_values():
    torch.manual_seed(0)
    cell = cells.UngatedLSTM(2, 3).double()
    x = torch.randn(50, 4, 2, dtype=DOUBLE)
    run = unroll(cell, x, emit=("h", "y"), all_states=True)
    h, y = run.output.split(3, -1)
    torch.testing.assert_close(run.states["c"], h.cumsum(0))
    torch.testing.assert_close(y, torch.tanh(h.cumsum(0)))
    before = torch.cat([torch.zeros_like(y[:1]), y[:-1]])
    torch.testing.assert_close(h, torch.tanh(cell.hidden(x, before)))


def test_an_error_flows_back_through_the_carousel_unchanged():
    torch.manual_seed(0)
    cell = cells.NoForgetLSTM(1, 3).double()
    saturate(cell.input, -1000.0)
    start = torch.randn(1, 3, dtype=DOUBLE, requires_grad=True)
    run = unroll(cell, torch.randn(500, 1, 1, dtype=DOUBLE), {"c": start})
    (gradient,) = torch.autograd.grad(run.state["c"].sum(), start)
    assert torch.equal(gradient, torch.ones_like(gradient))


def test_an_identity_network_copies_what_it_was_given():
    cell = cells.IRNN(2, 3)
    start = torch.rand(4, 3)
    run = unroll(cell, torch.zeros(100, 4, 2), {"h": start})
    assert torch.equal(run.state["h"], start)


def test_a_reservoir_below_radius_one_forgets_where_it_started():
    torch.manual_seed(0)
    cell = cells.EchoState(1, 40, spectral_radius=0.8)
    x = 0.5 * torch.randn(300, 1, 1).expand(300, 2, 1)
    final = unroll(cell, x, {"h": torch.randn(2, 40)}).state["h"]
    torch.testing.assert_close(final[0], final[1], rtol=0, atol=1e-5)


def test_gru_reset_after_is_torchs():
    torch.manual_seed(0)
    ours, theirs = cells.GRU(3, 5).double(), nn.GRU(3, 5, dtype=DOUBLE)
    w_r, w_z, w_n = theirs.weight_ih_l0.chunk(3)
    u_r, u_z, u_n = theirs.weight_hh_l0.chunk(3)
    b_r, b_z, b_n = theirs.bias_ih_l0.chunk(3)
    d_r, d_z, d_n = theirs.bias_hh_l0.chunk(3)
    ours.load_state_dict(
        {
            **{"reset.W": w_r, "reset.U": u_r, "reset.b": b_r + d_r},
            **{"update.W": w_z, "update.U": u_z, "update.b": b_z + d_z},
            **{"candidate.W": w_n, "candidate.b": b_n, "memory.U": u_n, "memory.b": d_n},
        }
    )
    x = torch.randn(7, 2, 3, dtype=DOUBLE)
    torch.testing.assert_close(unroll(ours, x).output, theirs(x)[0])


@pytest.mark.parametrize("kind", [cells.LSTM, cells.NP])
def test_lstm_is_torchs(kind):
    torch.manual_seed(0)
    ours, theirs = kind(3, 5).double(), nn.LSTM(3, 5, dtype=DOUBLE)
    stacked = {
        "W": theirs.weight_ih_l0.chunk(4),
        "U": theirs.weight_hh_l0.chunk(4),
        "b": (theirs.bias_ih_l0 + theirs.bias_hh_l0).chunk(4),
    }
    gates = ("input", "forget", "block", "output")
    ours.load_state_dict(
        {f"{g}.{p}": v[k] for p, v in stacked.items() for k, g in enumerate(gates)}
    )
    x = torch.randn(7, 2, 3, dtype=DOUBLE)
    torch.testing.assert_close(unroll(ours, x).output, theirs(x)[0])


def test_jordan_with_its_targets_forced_has_no_recurrence():
    torch.manual_seed(0)
    cell = cells.Jordan(2, 6, output_size=3).double()
    x, targets = torch.randn(9, 4, 2, dtype=DOUBLE), torch.randn(9, 4, 3, dtype=DOUBLE)
    before = torch.cat([torch.zeros_like(targets[:1]), targets[:-1]])
    forced = unroll(cell, x, forced={"y": before}).output
    at_once = cell.step(x.flatten(0, 1), before.flatten(0, 1))[0].unflatten(0, (9, 4))
    torch.testing.assert_close(forced, at_once)


@pytest.mark.parametrize("start", [-1e4, -200.0, 0.0, 200.0, 1e4])
def test_the_stabiliser_makes_any_input_gate_safe(start):
    """h_1 = o_1 ⊙ z_1 whatever the input gate: its size cancels in c / n."""
    torch.manual_seed(0)
    cell = cells.SLSTM(2, 4)
    with torch.no_grad():
        cell.input.b.fill_(start)
    x = torch.randn(3, 2)
    h, state = cell(x, None)
    zero = torch.zeros(3, 4)
    expected = torch.sigmoid(cell.output(x, zero)) * torch.tanh(cell.block(x, zero))
    torch.testing.assert_close(h, expected)
    torch.testing.assert_close(state["n"], torch.ones(3, 4))


def test_stabilised_slstm_is_the_plain_one_where_that_does_not_overflow():
    """Beck et al. 2024, appendix: without m, i = exp(ĩ) and f = σ(f̃) give the same h."""
    torch.manual_seed(0)
    cell = cells.SLSTM(2, 4, heads=2).double()
    x = torch.randn(20, 3, 2, dtype=DOUBLE)
    h = c = n = torch.zeros(3, 4, dtype=DOUBLE)
    plain = []
    for now in x:
        i, f = torch.exp(cell.input(now, h)), torch.sigmoid(cell.forget(now, h))
        z, o = torch.tanh(cell.block(now, h)), torch.sigmoid(cell.output(now, h))
        c, n = f * c + i * z, f * n + i
        h = o * c / n
        plain.append(h)
    torch.testing.assert_close(unroll(cell, x).output, torch.stack(plain))


def test_slstm_gradient_at_its_own_start_is_finite():
    cell = cells.SLSTM(2, 4)
    unroll(cell, torch.randn(5, 3, 2)).output.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in cell.parameters())


def test_batch_norm_uses_the_batch_in_training_and_its_averages_after():
    torch.manual_seed(0)
    cell = cells.BatchNormLSTM(2, 4, max_steps=3, momentum=0.5).double()
    x = torch.randn(5, 64, 2, dtype=DOUBLE)
    for _ in range(60):
        run = unroll(cell, x[:3])
    evaluated = unroll(cell.eval(), x).output
    torch.testing.assert_close(evaluated[:3], run.output, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(unroll(cell, x[:, :1]).output, evaluated[:, :1])


def test_batch_norm_counts_up_to_its_cap_and_says_that_rows_are_coupled():
    cell = cells.BatchNormLSTM(2, 4, max_steps=3)
    x = torch.randn(5, 6, 2)
    run = unroll(cell, x, all_states=True)
    assert run.states["t"][:, 0, 0].tolist() == [1, 2, 3, 3, 3]
    other = torch.cat([x[:, :1], x[:, 1:] + 1], 1)
    assert not torch.allclose(unroll(cell, other).output[:, 0], run.output[:, 0])


def test_batch_norm_keeps_statistics_for_each_step():
    torch.manual_seed(0)
    cell = cells.BatchNormLSTM(1, 2, max_steps=4, momentum=1.0)
    x = torch.arange(4.0)[:, None, None] + torch.randn(4, 256, 1)
    unroll(cell, x)
    driven = torch.cat([gate(x) for gate in (cell.input, cell.forget, cell.block, cell.output)], -1)
    torch.testing.assert_close(cell.norm_x.running_mean, driven.mean(1), rtol=1e-4, atol=1e-5)


def test_batch_norm_averages_a_batch_once_also_when_its_steps_are_recomputed():
    batches = torch.randn(2, 5, 6, 2, dtype=DOUBLE)

    def trained(checkpoint):
        torch.manual_seed(0)
        cell = cells.BatchNormLSTM(2, 4, max_steps=3).double()
        runs = [unroll(cell, x, checkpoint=checkpoint).output for x in batches]
        torch.stack(runs).square().sum().backward()
        return dict(cell.named_buffers()), [p.grad for p in cell.parameters()]

    buffers, gradients = trained(None)
    assert all(value.ne(0).any() for value in buffers.values())
    for segment in (1, 2, 5):
        torch.testing.assert_close(trained(segment), (buffers, gradients), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "function"), ACTIVATIONS.items())
def test_activations_by_name_are_torchs(name, function):
    x = torch.linspace(-4, 4, 33)
    expected = {
        "tanh": nn.Tanh(),
        "relu": nn.ReLU(),
        "leaky_relu": nn.LeakyReLU(),
        "elu": nn.ELU(),
        "sigmoid": nn.Sigmoid(),
        "hard_sigmoid": nn.Hardsigmoid(),
        "hard_tanh": nn.Hardtanh(),
        "identity": nn.Identity(),
    }[name](x)
    assert torch.equal(function(x), expected)
    torch.manual_seed(0)
    cell = cells.Elman(2, 3, activation=name)
    now = torch.randn(4, 2)
    assert torch.equal(cell(now)[0], function(cell.hidden(now, torch.zeros(4, 3))))


def test_a_function_is_an_activation_too():
    cell = cells.GRU(2, 3, activation=torch.sin, gate_activation="hard_sigmoid")
    assert cell.activation is torch.sin
    assert cell(torch.randn(4, 2))[0].shape == (4, 3)


def test_a_gate_says_what_it_was_built_without():
    gate = cells.Gate(2, 0, 3, bias=False)
    with pytest.raises(CellError, match=r"without weights for the state h \(it has no U\)"):
        gate(torch.zeros(1, 2), torch.zeros(1, 3))
    with pytest.raises(CellError, match="without a peephole"):
        gate(torch.zeros(1, 2), peep=torch.zeros(1, 3))
    with pytest.raises(CellError, match="neither an input nor a state"):
        gate()


def test_a_cell_without_equations_says_so():
    class Empty(cells.Cell):
        states = ("h", "c")

    with pytest.raises(CellError, match=r"Empty does not define step\(x, h, c\)"):
        Empty(2, 3)(torch.zeros(1, 2))


def test_one_call_takes_part_of_the_state_and_refuses_a_foreign_one():
    cell, x, h = cells.LSTM(2, 3), torch.randn(4, 2), torch.randn(4, 3)
    whole = cell(x, {"h": h, "c": torch.zeros(4, 3)})[0]
    assert torch.equal(cell(x, {"h": h})[0], whole)
    with pytest.raises(CellError, match="unknown state s: LSTM has h, c"):
        cell(x, {"s": h})


def test_a_step_that_returns_too_little_is_told_what_to_return():
    class Short(cells.LSTM):
        def step(self, x, h, c):
            return super().step(x, h, c)[0]

    with pytest.raises(CellError, match="declares 2: h, c"):
        Short(2, 3)(torch.zeros(1, 2))
