"""The engine's threads within a Python process: several callers, forks, and the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest
import torch

from mnemonist.cells import LSTM
from mnemonist.engine import unroll
from mnemonist.engine.native import library

pytestmark = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")

START = """
    import os, sys, threading, time
    import torch
    from mnemonist.cells import LSTM
    from mnemonist.engine import unroll
    from mnemonist.engine.native import library

    torch.set_num_threads(3)
    cell, x = LSTM(5, 40), torch.randn(30, 12, 5)

    def use():
        return unroll(cell, x, executor="native").output.detach()

    expected = use()
    assert library.module().pool_threads() > 0
"""


def python(story: str) -> subprocess.CompletedProcess[str]:
    """Run a story in a process of its own; one that hangs fails after a minute."""
    return subprocess.run(
        [sys.executable, "-c", dedent(START) + dedent(story)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_calls_from_several_python_threads_give_what_one_gives(three_threads: None) -> None:
    cell = LSTM(5, 40)
    inputs = [torch.randn(20, 8, 5) for _ in range(24)]

    def run(x: torch.Tensor) -> torch.Tensor:
        return unroll(cell, x, executor="native").output.detach()

    expected = [run(x) for x in inputs]
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(run, inputs))
    for a, b in zip(expected, found, strict=True):
        assert torch.equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_computes_the_same() -> None:
    done = python(
        """
        stop = threading.Event()
        other = threading.Thread(target=lambda: [use() for _ in iter(stop.is_set, True)])
        other.start()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                good = torch.equal(use(), expected) and library.module().pool_threads() > 0
                os._exit(0 if good else 1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        other.join()
        """
    )
    assert done.returncode == 0, done.stderr


def test_after_the_end_calls_work_on_their_own_thread() -> None:
    done = python(
        """
        import atexit

        def last():
            library.module()._end_threads()
            assert library.module().pool_threads() == 0
            print(torch.equal(use(), expected))

        atexit.register(last)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True\n"
