"""The same equations, however the weights are stored."""

from __future__ import annotations

import torch
from program_zoo import GOOD, LSTM, Cell, FusedLSTM, GRUAfter, GRUBefore
from torch import Tensor

from mnemonist.engine.fingerprint import operand_values
from mnemonist.engine.trace import program_of


def test_gates_and_stacked_weights_are_one_lstm() -> None:
    gates, fused = LSTM(3, 5), FusedLSTM(3, 5)
    programs = program_of(gates), program_of(fused)
    assert programs[0].hash() != programs[1].hash()
    assert len({p.fingerprint().digest for p in programs}) == 1


def test_operands_correspond() -> None:
    """Weights copied operand by operand make the other cell compute the same."""
    torch.manual_seed(0)
    gates, fused = LSTM(3, 5).double(), FusedLSTM(3, 5).double()
    source = program_of(gates)
    values = operand_values(source, source.leaves_of(gates))
    stored = fused.state_dict()
    stored["bias_hh"].zero_()
    for operand, value in zip(program_of(fused).fingerprint().operands, values, strict=True):
        # biases are the sum of two in the fused cell; the other one is zero
        node = operand.node if operand.node.op == "leaf" else operand.node.args[0]
        stored[node.attr[0]][operand.start : operand.stop] = value.detach()
    fused.load_state_dict(stored)
    x, h, c = (torch.randn(2, width, dtype=torch.float64) for width in (3, 5, 5))
    torch.testing.assert_close(fused.step(x, h, c), gates.step(x, h, c))


def test_gradients_flow_through_operands() -> None:
    cell = LSTM(3, 5)
    program = program_of(cell)
    sum(v.sum() for v in operand_values(program, program.leaves_of(cell))).backward()
    assert all((p.grad == 1).all() for p in cell.parameters())


def test_other_equations_have_other_fingerprints() -> None:
    digests = [program_of(kind(3, 6)).fingerprint().digest for kind in GOOD]
    assert len(set(digests)) == len(GOOD) - 1  # LSTM and FusedLSTM are one
    assert program_of(LSTM(3, 6)).fingerprint().digest not in {
        program_of(LSTM(3, 5)).fingerprint().digest,
        program_of(GRUAfter(3, 6)).fingerprint().digest,
        program_of(GRUBefore(3, 6)).fingerprint().digest,
    }


class Shared(Cell):
    """One matrix for two gates: not the same as two matrices."""

    tied = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.one, self.two = self.gates("one", "two", bias=False)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        second = self.one if self.tied else self.two
        return torch.tanh(self.one(x, h)) * torch.sigmoid(second(x, h))


def test_sharing_a_weight_is_part_of_the_equations() -> None:
    cell = Shared(3, 5)
    tied = program_of(cell).fingerprint()
    cell.tied = False
    apart = program_of(cell).fingerprint()
    assert tied.digest != apart.digest
    assert (len(tied.operands), len(apart.operands)) == (2, 4)
