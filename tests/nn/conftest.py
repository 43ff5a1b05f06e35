"""Cells as a user would write them, for the laws of stacks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mnemonist.cells import Cell


class TwoStates(Cell):
    """An LSTM without input gate: two states, the first one emitted."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.forget, self.block, self.out = self.gates("forget", "block", "out", bias=bias)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f = torch.sigmoid(self.forget(x, h))
        c = f * c + (1 - f) * torch.tanh(self.block(x, h))
        return torch.sigmoid(self.out(x, h)) * torch.tanh(c), c


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


@pytest.fixture(
    params=[TwoStates, WithOutput, "lstm", "gru_reset_before", "jordan", "mingru"], ids=str
)
def cell(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture(autouse=True)
def _float64() -> object:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
