"""Every cell of the catalogue with every executor that can run it."""

from __future__ import annotations

import pytest
import torch

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import EXECUTORS, Unrolled, unroll, why_not

INPUT = 3


def build(name: str, hidden_size: int = 6, dtype: torch.dtype = torch.float64) -> Cell:
    """A cell with every parameter random: zero biases and peepholes would hide mistakes."""
    torch.manual_seed(hash_of(name))
    cell = cells.get(name)(INPUT, hidden_size).to(dtype)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return cell.eval()


def hash_of(name: str) -> int:
    return sum(ord(letter) * 31**i for i, letter in enumerate(name)) % 2**31


@pytest.fixture(params=cells.names())
def cell_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def cell(cell_name: str) -> Cell:
    return build(cell_name)


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, cell: Cell) -> str:
    reason = why_not(cell, request.param)
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    return request.param


@pytest.fixture
def run(cell: Cell, executor: str):
    """`unroll` with the cell and executor of this case."""

    def run(x: torch.Tensor, state=None, **options) -> Unrolled:
        return unroll(cell, x, state, executor=executor, **options)

    return run


@pytest.fixture
def sequence():
    """Reproducible (T, B, I) input in float64."""

    def sequence(steps: int, rows: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        generator = torch.Generator().manual_seed(steps * 1000 + rows)
        return torch.randn(steps, rows, INPUT, generator=generator, dtype=dtype)

    return sequence
