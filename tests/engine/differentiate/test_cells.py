"""Every cell of the catalogue: the backward program against autograd through its step."""

from __future__ import annotations

import pytest
import torch
from gradient_agreement import assert_gradient_agrees, gradient_job
from program_zoo import GOOD, Cell

from mnemonist import cells

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
