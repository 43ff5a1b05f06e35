"""The choice among executors, and what it says of itself."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import EXECUTORS, explain, unroll, why_not
from mnemonist.engine.native import library
from mnemonist.errors import ConfigError, UnrepresentableError

FUSED = "native" if library.available() else "program"
"""What runs a cell that torch has no kernel for; the engine may not be built here."""


class OwnLSTM(Cell):
    """A user's LSTM: other names, another order of gates, one stacked matrix."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.both = torch.nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def step(self, x, h, c):
        o, z, i, f = self.both(torch.cat([x, h], -1)).chunk(4, -1)
        c = torch.sigmoid(i) * torch.tanh(z) + c * torch.sigmoid(f)
        return torch.tanh(c) * torch.sigmoid(o), c


class Rolling(Cell):
    """Mixes positions of a row: no program."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")

    def step(self, x, h):
        return torch.tanh(self.hidden(x, torch.cumsum(h, -1)))


class Swapped(Cell):
    """Almost an LSTM: input and forget gate act on the wrong side; no kernel may take it."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gate, self.block, self.output = self.gates("gate", "block", "output")

    def step(self, x, h, c):
        i, o = torch.sigmoid(self.gate(x, h)), torch.sigmoid(self.output(x, h))
        c = i * c + i * torch.tanh(self.block(x, h))
        return o * torch.tanh(c), c


@pytest.mark.parametrize(
    "name", ["elman", "irnn", "lstm", "gru", "torch_rnn", "torch_lstm", "torch_gru"]
)
def test_torch_has_a_kernel_for_what_it_has_a_layer_for(name, measured):
    measured(0.5)
    assert explain(cells.get(name)(3, 5)).executor == "vendor"


def test_a_users_own_lstm_runs_on_the_kernel_and_computes_the_same(measured):
    measured(0.5)
    torch.manual_seed(0)
    cell, x = OwnLSTM(3, 5).double(), torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert explain(cell, x).executor == "vendor"
    results = []
    for executor in ("auto", "eager"):
        done = unroll(cell, x, executor=executor)
        loss = done.output.square().sum() + done.state["c"].sum()
        results.append([done.output, *torch.autograd.grad(loss, [x, *cell.parameters()])])
    for fast, plain in zip(*results):
        torch.testing.assert_close(fast, plain)


@pytest.mark.parametrize("name", ["lstm", "gru", "elman"])
@pytest.mark.parametrize("bias", [True, False])
def test_kernels_with_and_without_bias(name, bias):
    torch.manual_seed(0)
    kind = {"lstm": cells.TorchLSTM, "gru": cells.TorchGRU, "elman": cells.TorchRNN}[name]
    cell, x = kind(3, 5, bias=bias).double(), torch.randn(4, 2, 3, dtype=torch.float64)
    fast, plain = unroll(cell, x, executor="vendor"), unroll(cell, x, executor="eager")
    torch.testing.assert_close(fast.output, plain.output)
    torch.testing.assert_close(fast.state, plain.state)


@pytest.mark.parametrize(
    "name", ["lstm_peephole", "cifg", "gru_reset_before", "lstm_projected", "mgu"]
)
def test_other_cells_have_no_kernel_and_run_their_program(name):
    explanation = explain(cells.get(name)(3, 5))
    assert explanation.executor == FUSED
    assert "no kernel" in explanation.passed_over["vendor"]


def test_a_cell_that_only_looks_like_an_lstm_gets_no_kernel():
    assert explain(Swapped(3, 5)).executor == FUSED


def test_an_activation_of_ones_own_leaves_the_kernel():
    assert explain(cells.get("lstm")(3, 5, activation="relu")).executor == FUSED


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_linear_recurrences_are_scanned(name):
    assert explain(cells.get(name)(3, 5)).executor == "scan"


def test_what_a_kernel_lacks_is_said_and_another_executor_runs():
    cell, x = cells.get("lstm")(3, 5), torch.randn(4, 2, 3)
    cases = {
        "resets": {"resets": torch.ones(4, 2, dtype=torch.bool)},
        "forced": {"forced": {"h": torch.zeros(4, 2, 5)}},
        "over time": {"all_states": True},
        "different lengths": {"lengths": torch.tensor([0, 4])},
    }
    for word, options in cases.items():
        explanation = explain(cell, x, **options)
        assert explanation.executor == FUSED
        assert word in explanation.passed_over["vendor"]
        with pytest.raises(ConfigError, match=word):
            unroll(cell, x, executor="vendor", **options)


def test_a_cell_without_a_program_runs_eagerly_and_says_why():
    cell, x = Rolling(3, 5), torch.randn(4, 2, 3)
    explanation = explain(cell, x)
    assert explanation.executor == "eager"
    assert explanation.program is None
    assert "cumsum" in str(explanation)
    assert "test_executors.py" in str(explanation)
    assert unroll(cell, x).output.shape == (4, 2, 5)
    with pytest.raises(UnrepresentableError, match="cumsum"):
        unroll(cell, x, strict=True)
    assert "cumsum" in str(why_not(cell, "program"))


def test_an_unknown_executor_is_an_error_that_names_those_there_are():
    with pytest.raises(ConfigError, match=", ".join(EXECUTORS)):
        unroll(cells.get("lstm")(3, 5), torch.zeros(1, 1, 3), executor="warp")


def test_full_teacher_forcing_leaves_a_jordan_network_no_recurrence():
    torch.manual_seed(0)
    cell, x = cells.get("jordan")(3, 5).double(), torch.randn(6, 2, 3, dtype=torch.float64)
    name, width = next(iter(cell.state_sizes.items()))
    forced = {name: torch.randn(6, 2, width, dtype=torch.float64)}
    calls = []
    loop = torch.nn.functional.linear

    def counted(*args, **kwargs):
        calls.append(args[0].shape)
        return loop(*args, **kwargs)

    fast = unroll(cell, x, forced=forced)
    plain = unroll(cell, x, forced=forced, executor="eager")
    torch.testing.assert_close(fast.output, plain.output)
    from mnemonist.engine.transforms import bind

    assert not bind(explain(cell).program, name).loop


def test_transforms_of_functions_read_the_step():
    torch.manual_seed(0)
    cell, x = cells.get("lstm")(3, 5).double(), torch.randn(4, 6, 2, 3, dtype=torch.float64)
    mapped = torch.func.vmap(lambda x: unroll(cell, x).output)(x)
    torch.testing.assert_close(mapped[1], unroll(cell, x[1]).output)
    _, tangent = torch.func.jvp(lambda x: unroll(cell, x).output, (x[0],), (x[1],))
    ahead = unroll(cell, x[0] + 1e-6 * x[1]).output - unroll(cell, x[0] - 1e-6 * x[1]).output
    torch.testing.assert_close(tangent, ahead / 2e-6, rtol=1e-5, atol=1e-7)


def test_double_backward_goes_through_the_program():
    torch.manual_seed(0)
    cell = cells.get("lstm_peephole")(2, 3).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: unroll(cell, x).output, (x,))


def test_dropped_weights_are_the_same_at_every_step_of_every_executor():
    torch.manual_seed(0)
    cell = cells.WeightDropout(cells.get("lstm")(3, 8), 0.5).train()
    x = torch.randn(1, 1, 3).expand(5, 4, 3)
    for executor in ("program", "eager"):
        torch.manual_seed(1)
        first = unroll(cell, x, executor=executor).output
        torch.testing.assert_close(first, first[:, :1].expand_as(first))
        torch.manual_seed(1)
        torch.testing.assert_close(unroll(cell, x, executor=executor).output, first)
        assert not torch.allclose(unroll(cell, x, executor=executor).output, first)


def test_relu_of_a_gate_is_the_relu_kernel(measured):
    measured(0.5)
    cell = cells.get("elman")(3, 5, activation="relu")
    assert explain(cell).executor == "vendor"
    x = torch.randn(4, 2, 3)
    h = torch.zeros(2, 5)
    gate = cell.hidden
    for t in range(4):
        h = F.relu(gate(x[t], h))
    torch.testing.assert_close(unroll(cell, x).output[-1], h)
