"""Threads that meet the same new cell at once see it as one thread would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from program_zoo import LSTM, GRUAfter, Masked, Simple
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mnemonist.engine import unroll
from mnemonist.engine.check import check_program
from mnemonist.engine.trace import program_of, trace

THREADS = 4


def at_once(call: Callable[[], Any]) -> list[Any]:
    """What each thread gets; all start together."""
    start = threading.Barrier(THREADS)

    def run() -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(THREADS)]]


@pytest.mark.parametrize("kind", [LSTM, GRUAfter], ids=lambda kind: kind.__name__)
def test_first_calls_at_once_agree(kind: type[LSTM]) -> None:
    x = torch.randn(4, 3, 3)
    for _ in range(4):
        cell = kind(3, 5)
        cell.unshared = object()  # so that its program is its own
        results = at_once(lambda cell=cell: unroll(cell, x, executor="program"))
        expected = unroll(cell, x, executor="eager").output
        for result in results:
            torch.testing.assert_close(result.output, expected)
        assert len({id(p) for p in at_once(lambda cell=cell: program_of(cell))}) == 1


class Slow(Simple):
    """A cell whose step can be held in the middle, and tells what it runs on."""

    entered = threading.Event()
    go_on = threading.Event()
    held = False

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        if Slow.held:
            Slow.entered.set()
            assert Slow.go_on.wait(20)
        return torch.tanh(self.hidden(x, h))


def test_a_check_in_progress_leaves_the_cell_alone() -> None:
    """While one thread checks, another sees the cell's own float32 parameters."""
    cell = Slow(3, 5)
    program = trace(cell)
    own = {name: id(p) for name, p in cell.named_parameters()}
    Slow.held = True
    try:
        with ThreadPoolExecutor(1) as pool:
            checked = pool.submit(check_program, program, cell)
            assert Slow.entered.wait(20)
            assert {name: id(p) for name, p in cell.named_parameters()} == own
            assert all(p.dtype == torch.float32 for p in cell.parameters())
            Slow.go_on.set()
            assert checked.result() is None
    finally:
        Slow.held = False
        Slow.go_on.set()


class Halved(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * (torch.rand_like(weight) > 0.5)


def test_random_numbers_of_checks_at_once_do_not_mix() -> None:
    """A check draws the same masks twice; another one in between would spoil that."""
    cells = [Masked(3, 5) for _ in range(THREADS)]
    for cell in cells:
        parametrize.register_parametrization(cell.hidden, "W", Halved())
    programs = [trace(cell) for cell in cells]
    numbers = iter(range(THREADS))
    before = torch.get_rng_state()

    def check() -> object:
        i = next(numbers)
        return [check_program(programs[i], cells[i]) for _ in range(5)]

    assert at_once(check) == [[None] * 5] * THREADS
    assert torch.equal(torch.get_rng_state(), before)


class Uncopyable(Simple):
    def __deepcopy__(self, memo: dict[int, object]) -> None:
        raise TypeError("not to be copied")


def test_a_cell_that_cannot_be_copied_is_checked_all_the_same() -> None:
    class Wrong(Uncopyable):
        def step(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(self.hidden(x, h))

    class Right(Uncopyable):
        def step(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.sin(self.hidden(x, h))

    right, wrong = Right(3, 5), Wrong(3, 5)
    assert check_program(trace(right), right) is None
    assert check_program(trace(wrong), right) is not None
    assert all(p.dtype == torch.float32 for p in right.parameters())
