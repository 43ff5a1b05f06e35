"""What every test stands on: the same random numbers on every run, and no clock that fails one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import settings

from mnemonist.engine import vendor_choice, vendor_table

settings.register_profile("mnemonist", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("mnemonist")


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 what scikit-learn falls back to
    torch.manual_seed(0)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What was looked up in the table is forgotten, before and after it is replaced."""
    monkeypatch.setattr(vendor_choice, "_measured_here", lambda: True)
    vendor_choice._slower.cache_clear()
    yield
    vendor_choice._slower.cache_clear()


@pytest.fixture
def measured(unmeasured: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Say that torch's kernels take so many times as long as the compiled engine, at every size."""

    def says(ratio: float) -> None:
        sizes = dict.fromkeys(
            ((steps, rows) for steps in vendor_table.STEPS for rows in vendor_table.ROWS),
            (ratio,) * len(vendor_table.WIDTHS),
        )
        vendor_choice._slower.cache_clear()
        monkeypatch.setattr(vendor_table, "RATIOS", dict.fromkeys(vendor_table.RATIOS, sizes))

    return says
