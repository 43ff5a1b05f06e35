"""What the tests of the compiled engine share: the helpers of their neighbours, and poison."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnemonist.engine.native import library

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "differentiate"))


@pytest.fixture
def poisoned() -> Iterator[None]:
    """Memory of the arena comes filled with NaN: what is read before it is written shows."""
    native = library.module()
    native.fill_with_nan(True)
    yield
    native.fill_with_nan(False)


@pytest.fixture
def any_threads() -> Iterator[None]:
    """The number of torch's threads is what it was when the test ends."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
