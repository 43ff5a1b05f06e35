"""Checkpointed backpropagation: what depends on parameters only is the same in every segment."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from mnemonist import cells
from mnemonist.cells import Cell, WeightDropout
from mnemonist.engine import EXECUTORS, program_of, unroll, why_not
from mnemonist.engine.constants import settled
from mnemonist.engine.fingerprint import fingerprint

CASES = ["lstm", "lstm_peephole", "gru_reset_before", "elman_jordan", "slstm"]


class Drop(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return torch.nn.functional.dropout(weight, 0.5, self.training)


class Decaying(Cell):
    """A linear recurrence whose coefficients come from weights that are dropped."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.forget, self.write = self.gates("forget", "write", recurrent_size=0)
        for gate in (self.forget, self.write):
            parametrize.register_parametrization(gate, "W", Drop())

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        f = torch.sigmoid(self.forget(x))
        return f * h + (1 - f) * self.write(x)


class Linear(Cell):
    """h' = U h, so that U can be told from the states."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.U = nn.Parameter(0.5 * torch.randn(hidden_size, hidden_size))
        parametrize.register_parametrization(self, "U", Drop())

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h @ self.U.T + 0 * x.sum(-1, keepdim=True)


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def dropped(name: str) -> Cell:
    torch.manual_seed(0)
    return WeightDropout(cells.get(name)(3, 6), 0.5).double()


def cases() -> list[tuple[str, str]]:
    return [(n, e) for n in CASES for e in EXECUTORS if why_not(dropped(n), e) is None]


def run(cell: Cell, executor: str, checkpoint: int | None, **options) -> list[Tensor]:
    """Output, final state and every gradient, with the draws of one seed."""
    torch.manual_seed(1)
    x = double(10, 2, 3).requires_grad_()
    torch.manual_seed(2)
    done = unroll(cell, x, executor=executor, checkpoint=checkpoint, **options)
    loss = done.output.square().sum() + sum(s.sum() for s in done.state.values())
    leaves = [x, *cell.parameters()]
    return [done.output, *done.state.values(), *torch.autograd.grad(loss, leaves)]


@pytest.mark.parametrize(("name", "executor"), cases())
@pytest.mark.parametrize("segment", [0, 4])
def test_weights_are_dropped_once_a_sequence(name, executor, segment):
    cell = dropped(name)
    whole, pieces = run(cell, executor, None), run(cell, executor, segment)
    torch.testing.assert_close(pieces, whole)


@pytest.mark.parametrize("executor", ["native", "program", "eager"])
def test_with_resets_lengths_and_forced_states(executor):
    cell = dropped("lstm_peephole")
    if why := why_not(cell, executor):
        pytest.skip(why)
    torch.manual_seed(3)
    options = {
        "lengths": [7, 10],
        "resets": torch.rand(10, 2) < 0.2,
        "forced": {"h": double(10, 2, 6)},
        "forced_mask": torch.rand(10, 2) < 0.3,
    }
    torch.testing.assert_close(
        run(cell, executor, 3, **options), run(cell, executor, None, **options)
    )


def test_a_scan_reads_the_same_weights_for_its_coefficients_and_its_output():
    torch.manual_seed(0)
    cell = Decaying(3, 6).double()
    expected = run(cell, "eager", None)
    for executor in ("scan", "program"):
        for segment in (None, 4):
            torch.testing.assert_close(run(cell, executor, segment), expected)


@pytest.mark.parametrize("segment", [None, 4])
@pytest.mark.parametrize("executor", ["auto", "eager"])
@pytest.mark.parametrize("compiled", [False, True])
def test_one_mask_explains_every_step_and_the_gradient(compiled, executor, segment):
    torch.manual_seed(0)
    torch._dynamo.reset()
    cell, x, start = Linear(1, 4).double(), double(10, 6, 1), double(6, 4)

    def output(x: Tensor, start: Tensor) -> Tensor:
        return unroll(cell, x, {"h": start}, executor=executor, checkpoint=segment).output

    if compiled:
        output = torch.compile(output, fullgraph=True, backend="aot_eager")
    h = output(x, start)
    weight = torch.linalg.lstsq(start, h[0]).solution.T
    mask = (weight.abs() > 1e-9) * 2.0
    original = cell.parametrizations.U.original
    assert 0 < (mask == 0).sum() < 16
    expected, states = (original.detach() * mask).requires_grad_(), [start]
    for _ in range(10):
        states.append(states[-1] @ expected.T)
    torch.testing.assert_close(h, torch.stack(states[1:]))
    (wanted,) = torch.autograd.grad(torch.stack(states).sum(), expected)
    (gradient,) = torch.autograd.grad(h.sum(), original)
    torch.testing.assert_close(gradient, wanted * mask)


def test_a_spectral_norm_iterates_once_a_sequence():
    def normalised() -> Cell:
        torch.manual_seed(0)
        cell = cells.get("gru")(3, 6).double()
        parametrizations.spectral_norm(cell.reset, "U")
        return cell

    whole, pieces = normalised(), normalised()
    torch.testing.assert_close(run(pieces, "auto", 3), run(whole, "auto", None))
    for name, buffer in whole.named_buffers():
        assert torch.equal(pieces.get_buffer(name), buffer)


def test_a_weight_norm_is_computed_once(monkeypatch):
    cell = cells.get("lstm")(3, 6).double()
    parametrizations.weight_norm(cell.forget, "U")
    calls = []
    norm = torch._weight_norm
    monkeypatch.setattr(torch, "_weight_norm", lambda *args: calls.append(1) or norm(*args))
    pieces = run(cell, "eager", 2)
    assert len(calls) == 1
    torch.testing.assert_close(pieces, run(cell, "eager", None))


def test_a_backward_pass_takes_its_own_masks_when_a_second_sequence_came_between():
    cell, x = dropped("lstm_peephole"), double(10, 2, 3)
    expected = []
    for seed in (2, 3):
        torch.manual_seed(seed)
        loss = unroll(cell, x).output.square().sum()
        expected.append(torch.autograd.grad(loss, [*cell.parameters()]))
    losses = []
    for seed in (2, 3):
        torch.manual_seed(seed)
        losses.append(unroll(cell, x, checkpoint=4).output.square().sum())
    given = [torch.autograd.grad(loss, [*cell.parameters()]) for loss in losses]
    torch.testing.assert_close(given, expected)


def test_torchs_kernel_runs_the_settled_program():
    cell = dropped("lstm")
    program = program_of(cell)
    after, leaves = settled(program, program.leaves_of(cell), torch.zeros(0, dtype=torch.float64))
    assert fingerprint(after).digest == fingerprint(program).digest
    assert not any(n.op == "call" and n.attr[0] != "torch.cat" for n in after.prologue)
    assert sum(name.startswith("@") for name in leaves) == 4  # U of each gate

    plain = cells.get("lstm")(3, 6)
    program = program_of(plain)
    assert settled(program, program.leaves_of(plain), torch.zeros(0))[0] is program
