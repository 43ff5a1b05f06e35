"""What has no program says so: the operation, the reason, the line."""

from __future__ import annotations

import pytest
import torch
from program_zoo import Cell, Simple
from torch import Tensor, nn, tanh
from torch.nn import functional as F

from mnemonist.engine.trace import program_of
from mnemonist.errors import CellError, UnrepresentableError


class Cumsum(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.cumsum(torch.softmax(self.hidden(x, h), -1), -1)


class DataIf(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        if g.abs().max() > 3:
            g = g * 0.5
        return tanh(g)


class ParameterIf(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) if self.hidden.b[0] > 0 else h


class Item(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) * h[0, 0].item()


class BatchSize(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) / x.shape[0]


class BatchMean(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        return tanh(g - g.mean(0))


class BatchNorm(Simple):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.norm = nn.BatchNorm1d(hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.norm(self.hidden(x, h)))


class InPlace(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        g += h
        return tanh(g)


class TwoStatesAsMatrices(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) * (h.unsqueeze(1) @ h.unsqueeze(-1)).squeeze(-1)


class Numpy(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) + torch.from_numpy(h.detach().numpy() * 2)


class Dropout(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(F.dropout(self.hidden(x, h), 0.3, self.training))


class Noise(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)) + torch.randn_like(h)


class PlainAttribute(Simple):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.blob = torch.randn(hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h) + self.blob)


class Counting(Simple):
    count = 0

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        self.count += 1
        return tanh(self.hidden(x, h)) * (1.0 if self.count % 2 else 0.5)


class Roll(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, torch.roll(h, 1, -1)))


class NoGrad(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        with torch.no_grad():
            g = torch.sigmoid(h)
        return tanh(self.hidden(x, h)) * g


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a.sigmoid()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class OwnBackward(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return Straight.apply(self.hidden(x, h))


class Transposed(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h)).T.T


class Doubled(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h).double()).float()


REFUSED = [
    (Cumsum, "cumsum", "in order"),
    (DataIf, "max", "whole tensor"),
    (ParameterIf, "bool", "reads a value"),
    (Item, "getitem", "rows of the batch"),
    (BatchSize, "", "batch size"),
    (BatchMean, "mean", "mixes the rows of the batch"),
    (BatchNorm, "add", "in place"),
    (InPlace, "add", "in place"),
    (TwoStatesAsMatrices, "matmul", "vary in time"),
    (Numpy, "numpy", ""),
    (Dropout, "dropout", "declare a mask as an extra"),
    (Noise, "randn_like", "declare a mask as an extra"),
    (PlainAttribute, "add", "register_buffer"),
    (Counting, "step", "changes"),
    (Roll, "roll", "moves the elements"),
    (NoGrad, "sigmoid", "no_grad"),
    (OwnBackward, "sigmoid", "autograd.Function"),
    (Transposed, "T", "batch out of dimension 0"),
    (Doubled, "double", "one precision"),
]


@pytest.mark.parametrize(
    ("kind", "operation", "reason"), REFUSED, ids=lambda v: getattr(v, "__name__", "")
)
def test_refusal_names_operation_and_reason(kind: type[Cell], operation: str, reason: str) -> None:
    cell = kind(3, 5)
    with pytest.raises(UnrepresentableError) as caught:
        program_of(cell)
    assert operation in caught.value.operation
    assert reason in caught.value.reason
    with pytest.raises(UnrepresentableError, match=str(caught.value.operation).replace(".", r"\.")):
        program_of(cell)  # the second time from memory


def test_refusal_names_the_line() -> None:
    with pytest.raises(UnrepresentableError) as caught:
        program_of(InPlace(3, 5))
    where = caught.value.location
    assert where.startswith("test_refusals.py:")
    assert where.endswith("g += h")


def test_batch_norm_in_evaluation_is_representable() -> None:
    assert program_of(BatchNorm(3, 5).eval()).loop


def test_dropout_that_is_off_is_nothing() -> None:
    assert [n.op for n in program_of(Dropout(3, 5).eval()).loop] == ["mm", "tanh"]


class WrongWidth(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.hidden(x, h))[:, :2]


class TooMany(Simple):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return tanh(self.hidden(x, h)), h


@pytest.mark.parametrize("kind", [WrongWidth, TooMany])
def test_a_step_against_its_declaration_is_an_error(kind: type[Cell]) -> None:
    with pytest.raises(CellError, match=kind.__name__):
        program_of(kind(3, 5))
