"""Every cell, plain and regularised, can be held as a program; the one that cannot says why."""

import warnings

import pytest
import torch

from mnemonist import cells, engine
from mnemonist.cells import VariationalDropout, WeightDropout, Zoneout

COUPLED = "lstm_batch_norm"


@pytest.mark.parametrize("name", [n for n in cells.names() if n != COUPLED])
def test_every_cell_has_a_program_that_agrees_with_its_step(name):
    torch.manual_seed(0)
    assert engine.why_not(cells.get(name)(2, 4), "program") is None


@pytest.mark.parametrize(
    "name", ["elman", "lstm", "gru_layer_norm", "slstm", "torch_gru", "mingru"]
)
def test_a_regularised_cell_has_one_too_and_draws_the_same(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        inner = VariationalDropout(cells.get(name)(2, 4), input=0.2, state=0.2)
        cell = WeightDropout(Zoneout(inner, 0.2), 0.2)
    assert engine.why_not(cell, "program") is None
    x, outputs = torch.randn(5, 3, 2), []
    for executor in ("program", "eager"):
        torch.manual_seed(4)
        outputs.append(engine.unroll(cell, x, executor=executor).output)
    torch.testing.assert_close(*outputs)


def test_batch_normalisation_says_that_it_couples_the_rows():
    cell = cells.get(COUPLED)(2, 4)
    assert "mixes the rows of the batch" in str(engine.why_not(cell, "program"))
    assert engine.unroll(cell, torch.randn(5, 3, 2)).output.shape == (5, 3, 4)
