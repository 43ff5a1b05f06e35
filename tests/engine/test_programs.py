"""Programs compute what the cells' steps compute."""

from __future__ import annotations

import pytest
import torch
from program_agreement import assert_agrees, job_for
from program_zoo import GOOD, LSTM, Cell

from mnemonist.engine.program import AFFINE, POINTWISE
from mnemonist.engine.trace import program_of

# torch's own gradient of hardsigmoid in float64 is off by 5e-9: 1/6 is kept in float32
TOLERANCE = {"Activations": 1e-6}


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_values_and_gradients(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(3, 5).double()
    assert_agrees(job_for(cell, 4, 3), gradient=TOLERANCE.get(kind.__name__, 1e-10))


def test_an_lstm_is_one_product_before_the_loop_and_one_in_it() -> None:
    program = program_of(LSTM(3, 5))
    assert [n.op for n in program.hoisted] == ["mm"]
    assert sum(n.op in AFFINE for n in program.loop) == 1
    assert sum(n.op in POINTWISE for n in program.loop) == 9
    assert not program.sunk
