"""Small problems that the training tests share."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from mnemonist.training import LossResult, ShuffledBatches


class SquaredError:
    """Sum of squares of model(x) - y; `fail_at` raises on that call, as a crash would."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.calls, self.fail_at = 0, fail_at
        self.forcings: list[float] = []

    def loss(self, model, batch, *, carried, forcing, generator):
        self.calls += 1
        if self.calls == self.fail_at:
            raise Crash
        if model.training:
            self.forcings.append(forcing)
        error = (model(batch["x"]) - batch["y"]).square()
        return LossResult(error.sum(), error.numel())


class Crash(Exception):
    pass


class CarriedLSTM:
    """Next-step prediction by a torch LSTM over (T, B, 1), its state carried."""

    def loss(self, model, batch, *, carried, forcing, generator):
        hidden, state = model["lstm"](batch["x"], carried)
        error = (model["head"](hidden) - batch["y"]).square()
        return LossResult(error.sum(), error.numel(), state)


@dataclass
class Regression:
    """y = a x + noise, with a model that draws dropout masks."""

    x: Tensor
    y: Tensor

    def model(self, dropout: float = 0.2) -> nn.Module:
        torch.manual_seed(11)
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 1)).to(
            self.x.dtype
        )

    def train(self, batch_size: int = 8, **options) -> ShuffledBatches:
        return ShuffledBatches({"x": self.x[:50], "y": self.y[:50]}, batch_size, **options)

    def valid(self) -> ShuffledBatches:
        return ShuffledBatches({"x": self.x[50:], "y": self.y[50:]}, 4, shuffle=False)


@pytest.fixture
def regression() -> Regression:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(60, 3, generator=generator)
    noise = 0.1 * torch.randn(60, 1, generator=generator)
    return Regression(x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + noise)


@pytest.fixture
def squared_error():
    return SquaredError


@pytest.fixture
def crash():
    return Crash


@pytest.fixture
def carried_lstm():
    return CarriedLSTM


@pytest.fixture
def lstm_model():
    def make(dtype: torch.dtype = torch.float32) -> nn.ModuleDict:
        torch.manual_seed(3)
        return nn.ModuleDict({"lstm": nn.LSTM(1, 6), "head": nn.Linear(6, 1)}).to(dtype)

    return make
