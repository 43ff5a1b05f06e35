"""The same bits for any number of threads, on every instruction set, whatever memory held before."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from mnemonist import cells
from mnemonist.engine import unroll
from mnemonist.engine.native import library

pytestmark = [
    pytest.mark.skipif(not library.available(), reason="the compiled engine is not built"),
    pytest.mark.usefixtures("poisoned", "any_threads"),
]

KINDS = ("lstm", "gru", "lstm_layer_norm", "slstm")
SETS = ("portable", "avx2", "avx512")
WIDTHS = (1, 5, 63, 130)
SIZES = [(steps, rows) for steps in (0, 1, 2) for rows in (1, 3, 17)]  # T, B
LONG = {130: (257, 1), 63: (257, 3), 5: (257, 17)}


@pytest.fixture(params=SETS)
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if not library.module().has_isa(request.param):
        pytest.skip(f"this machine has no {request.param}")
    monkeypatch.setenv("MNEMONIST_ISA", request.param)
    assert library.isa() == request.param
    return str(request.param)


def jobs(kind: str, width: int, sizes: Iterable[tuple[int, int]], dtype: torch.dtype) -> list[Job]:
    torch.manual_seed(width)
    cell = cells.get(kind)(width, width).to(dtype)
    return [Job(cell, steps, rows, dtype) for steps, rows in sizes]


class Job:
    """A cell on random numbers: whole rows, rows of different lengths, and rows with resets."""

    def __init__(self, cell: cells.Cell, steps: int, rows: int, dtype: torch.dtype) -> None:
        self.cell = cell
        self.x = torch.randn(steps, rows, cell.input_size, dtype=dtype).requires_grad_()
        self.state = {
            name: torch.rand(rows, width, dtype=dtype).requires_grad_()
            for name, width in cell.state_sizes.items()
        }
        self.options = {}
        if (steps + rows) % 2 == 0:
            lengths = torch.randint(0, steps + 1, (rows,))
            self.options = {"lengths": lengths, "resets": torch.rand(steps, rows) < 0.2}

    def run(self, executor: str) -> list[Tensor]:
        """Every state at every step, the final ones, and the gradients of all that comes in."""
        done = unroll(
            self.cell, self.x, self.state, all_states=True, executor=executor, **self.options
        )
        assert done.states is not None
        values = [*done.states.values(), *done.state.values()]
        total = sum((v * (1 + v)).sum() for v in values)
        inputs = [self.x, *self.state.values(), *self.cell.parameters()]
        gradients = torch.autograd.grad(total, inputs, allow_unused=True)
        found = [torch.zeros_like(i) if g is None else g for g, i in zip(gradients, inputs)]
        return [v.detach() for v in values] + found


def assert_same_bits(job: Job) -> None:
    torch.set_num_threads(1)
    expected = job.run("native")
    for threads in (1, 2, 3, 5):
        torch.set_num_threads(threads)
        for have, want in zip(job.run("native"), expected, strict=True):
            assert torch.equal(have, want)  # NaN is equal to nothing


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_gives_the_same_bits(kind: str) -> None:
    for width in WIDTHS:
        for job in jobs(kind, width, SIZES, torch.float32):
            assert_same_bits(job)


@pytest.mark.usefixtures("instructions")
@pytest.mark.parametrize("width", LONG)
def test_long_sequences_give_the_same_bits(width: int) -> None:
    for job in jobs("lstm", width, [LONG[width], (2, 3)], torch.float32):
        assert_same_bits(job)


@pytest.mark.usefixtures("instructions")
@pytest.mark.parametrize("rows", [1, 2])
def test_threads_that_share_the_units_of_few_rows_give_the_same_bits(rows: int) -> None:
    for job in jobs("lstm", 200, [(4, rows), (5, rows)], torch.float32):
        assert_same_bits(job)


@pytest.mark.usefixtures("instructions")
@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_the_program_executor_does(kind: str) -> None:
    torch.set_num_threads(3)
    for width in WIDTHS:
        sizes = [*SIZES, LONG[width]] if width in LONG else SIZES
        for job in jobs(kind, width, sizes, torch.float64):
            for have, want in zip(job.run("native"), job.run("program"), strict=True):
                # over 257 steps the recurrence itself makes rounding grow
                scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
                torch.testing.assert_close(have, want, rtol=0, atol=1e-8 * scale)
