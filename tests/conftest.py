"""What every test stands on: the same random numbers on every run, and no clock that fails one."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import settings

settings.register_profile("mnemonist", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("mnemonist")


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 what scikit-learn falls back to
    torch.manual_seed(0)
