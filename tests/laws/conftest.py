"""Every cell of the catalogue with every executor that can run it."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import EXECUTORS, Unrolled, unroll, why_not
from mnemonist.errors import ConfigError

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


def pairs() -> list[tuple[str, str]]:
    """Every cell with every executor that can run it."""
    made = {name: build(name) for name in cells.names()}
    return [(n, e) for n, cell in made.items() for e in EXECUTORS if why_not(cell, e) is None]


@pytest.fixture(params=pairs(), ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture
def cell_name(pair: tuple[str, str]) -> str:
    return pair[0]


@pytest.fixture
def executor(pair: tuple[str, str]) -> str:
    return pair[1]


@pytest.fixture
def cell(cell_name: str) -> Cell:
    return build(cell_name)


@pytest.fixture
def run(cell: Cell, executor: str):
    """`unroll` with the cell and executor of this case.

    A kernel of torch's that cannot do what a law speaks of (resets, say) must refuse, which is
    tested in tests/engine/test_executors.py; "auto" then takes another executor.
    """

    def run(x: torch.Tensor, state=None, **options) -> Unrolled:
        how = executor
        if executor in ("vendor", "scan"):
            with suppress(ConfigError):
                return unroll(cell, x, state, executor=executor, **options)
            how = "auto"
        return unroll(cell, x, state, executor=how, **options)

    return run


@pytest.fixture
def sequence():
    """Reproducible (T, B, I) input in float64."""

    def sequence(steps: int, rows: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        generator = torch.Generator().manual_seed(steps * 1000 + rows)
        return torch.randn(steps, rows, INPUT, generator=generator, dtype=dtype)

    return sequence
