"""Training that meets inf or nan says where, and keeps what was good."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mnemonist.errors import NonFiniteLossError
from mnemonist.runs import CheckpointFolder
from mnemonist.training import LossResult, ShuffledBatches, TrainingConfig, fit


class Sum:
    def loss(self, model, batch, *, carried, forcing, generator):
        return LossResult(model(batch["x"]).sum(), len(batch["x"]))


class Scale(nn.Module):
    """x times exp(weight): finite for the first batch, infinite once the input is large."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return torch.exp(self.weight * x)


def data(*values: float) -> ShuffledBatches:
    return ShuffledBatches({"x": torch.tensor(values)[:, None]}, 1, shuffle=False)


def test_the_module_that_overflowed_first_is_named_and_the_weights_before_are_kept(tmp_path):
    model = nn.Sequential(nn.Identity(), Scale(), nn.Tanh())
    store = CheckpointFolder(tmp_path / "checkpoints", tmp_path / "metrics.jsonl")
    config = TrainingConfig(epochs=2, optimizer="sgd", learning_rate=0.125, clip_norm=None)
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, Sum(), data(0.5, 0.25, 1e4), None, config, checkpoints=store)
    text = str(caught.value)
    assert "epoch 1, batch 3" in text
    assert "gradient" in text or "loss is" in text
    assert "the output of 1 (Scale)" in text
    assert "Learning rate 0.125" in text
    assert "clip_norm = 1" in text
    tensors, meta = store.load()
    assert tensors["model/1.weight"].equal(model[1].weight.detach())
    assert torch.isfinite(model[1].weight).all()
    assert (meta["position"]["epoch"], meta["position"]["index"]) == (0, 2)


def test_a_bad_value_in_the_data_is_found_in_the_data():
    with pytest.raises(NonFiniteLossError, match=r"the batch: 'x' has 1 of 1 values.*\[0, 0\]"):
        fit(nn.Linear(1, 1), Sum(), data(1.0, float("nan")), None, TrainingConfig(epochs=1))


def test_a_gradient_that_overflows_behind_a_finite_loss_is_named():
    class RootLoss:
        """The gradient of sqrt at 0 is infinite."""

        def loss(self, model, batch, *, carried, forcing, generator):
            return LossResult(model(batch["x"]).abs().sqrt().sum(), len(batch["x"]))

    model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1, bias=False))
    nn.init.zeros_(model[1].weight)
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, RootLoss(), data(1.0), None, TrainingConfig(epochs=1))
    text = str(caught.value)
    assert "the norm of the gradient is" in text
    assert "the gradient that reached the output of" in text
    assert model[1].weight.detach().equal(torch.zeros(1, 2)), "the update was not made"


def test_a_loss_that_is_wrong_by_itself_is_not_blamed_on_the_model():
    class LogLoss:
        def loss(self, model, batch, *, carried, forcing, generator):
            return LossResult(-torch.log(model(batch["x"]) * 0).sum(), len(batch["x"]))

    with pytest.raises(
        NonFiniteLossError, match="First not finite: the loss, computed from finite"
    ):
        fit(nn.Linear(1, 1), LogLoss(), data(1.0), None, TrainingConfig(epochs=1))


def test_running_statistics_are_restored_as_well(tmp_path):
    """Batch normalisation has seen the bad batch before the loss was known."""
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1))
    store = CheckpointFolder(tmp_path / "checkpoints", tmp_path / "metrics.jsonl")
    x = torch.tensor([[1.0], [2.0], [float("inf")], [3.0]])
    batches = ShuffledBatches({"x": x}, 2, shuffle=False)
    with pytest.raises(NonFiniteLossError, match="the batch"):
        fit(model, Sum(), batches, None, TrainingConfig(epochs=1), checkpoints=store)
    assert torch.isfinite(model[0].running_mean).all()
    assert store.load()[0]["model/0.running_mean"].equal(model[0].running_mean)


def test_a_bad_validation_loss_stops_too():
    with pytest.raises(NonFiniteLossError, match=r"validation loss after epoch 1 is -?inf"):
        fit(nn.Linear(1, 1), Sum(), data(1.0), data(float("inf")), TrainingConfig(epochs=3))
