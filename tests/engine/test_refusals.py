"""What has no program says so: the operation, the reason, the line."""

from __future__ import annotations

import pytest
import torch
from program_zoo import Cell, Simple
from torch import Tensor, nn, tanh
from torch.nn import functional as F

import mnemonist.cells
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


class DataIfLater(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        largest = g.abs().max()
        g = torch.cumsum(g, -1)
        return tanh(g) if largest > 3 else g


class WholeTensor(Simple):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h)
        return tanh(g / g.abs().max())


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


class OwnBatchNorm(BatchNorm):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        norm = self.norm
        g = F.batch_norm(self.hidden(x, h), norm.running_mean, norm.running_var, training=True)
        return tanh(g)


class CountingBatchNorm(Simple):
    """Something else is odd before the rows are mixed."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        steps = h.detach().long()
        g = self.hidden(x, h) + steps
        return tanh((g - g.mean(0)) / g.std(0))


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
    (DataIf, "bool", "Python decides by a tensor's value"),
    (DataIfLater, "bool", "Python decides by a tensor's value"),
    (ParameterIf, "bool", "Python decides by a tensor's value"),
    (Item, "item", "Python decides by a tensor's value"),
    (WholeTensor, "max", "whole tensor, the rows of the batch together"),
    (BatchSize, "", "batch size"),
    (BatchMean, "mean", "mixes the rows of the batch"),
    (BatchNorm, "BatchNorm.step", "mixes the rows of the batch"),
    (OwnBatchNorm, "batch_norm", "couples the rows of the batch"),
    (CountingBatchNorm, "CountingBatchNorm.step", "mixes the rows of the batch"),
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


def test_the_decision_names_its_own_line() -> None:
    for kind, line in ((DataIf, "if g.abs().max() > 3:"), (DataIfLater, "if largest > 3 else g")):
        with pytest.raises(UnrepresentableError) as caught:
            program_of(kind(3, 5))
        assert caught.value.location.endswith(line)


@pytest.mark.parametrize("name", ["lstm_batch_norm", BatchNorm, OwnBatchNorm])
def test_looking_at_a_batch_norm_changes_nothing(name: str | type[Cell]) -> None:
    kind = mnemonist.cells.get(name) if isinstance(name, str) else name
    cell = kind(3, 5)
    before = {key: value.clone() for key, value in cell.state_dict().items()}
    generator = torch.get_rng_state()
    with pytest.raises(UnrepresentableError, match="the rows of the batch"):
        program_of(cell)
    assert torch.equal(torch.get_rng_state(), generator)
    for key, value in cell.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_cell_that_cannot_be_copied_keeps_the_first_reason() -> None:
    cell = DataIf(3, 5)
    cell.made = cell.hidden.b * 2  # autograd's tensors cannot be copied
    with pytest.raises(UnrepresentableError, match="whole tensor"):
        program_of(cell)


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
