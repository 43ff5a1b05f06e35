"""The cells that the laws of stacks are tested with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mnemonist.cells import Cell


class WithOutput(Cell):
    """A cell that emits something wider than its state, and starts from a learned state."""

    outputs = ("y",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")
        self.head = torch.nn.Linear(hidden_size, hidden_size + 1)
        self.start = torch.nn.Parameter(torch.randn(hidden_size))

    @property
    def output_sizes(self) -> dict[str, int]:
        return {"y": self.hidden_size + 1}

    def initial_state(self, batch_size, *, device=None, dtype=None):
        return {"h": self.start.expand(batch_size, -1)}

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.hidden(x, h))
        return h, self.head(h)


@pytest.fixture(params=[WithOutput, "lstm", "mingru"], ids=str)
def cell(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture(autouse=True)
def _float64() -> object:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
