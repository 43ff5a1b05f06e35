"""Means of weights: against means taken by hand, and the rule that triggers them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mnemonist.errors import ConfigError
from mnemonist.training import TrainingConfig, fit
from mnemonist.training.averaging import WeightAverage


class Watching:
    """The squared error; notes the weights after every update, and those that validation sees."""

    def __init__(self, inner) -> None:
        self.inner = inner
        self.trained: list[dict[str, torch.Tensor]] = []
        self.validated: list[dict[str, torch.Tensor]] = []

    def loss(self, model, batch, **given):
        seen = self.trained if model.training else self.validated
        seen.append({name: weight.detach().clone() for name, weight in model.named_parameters()})
        return self.inner.loss(model, batch, **given)


@pytest.mark.parametrize("decay", [0.8, 0.99])
def test_validation_sees_the_mean_and_training_goes_on_from_the_weights(
    regression, squared_error, decay
):
    plain, averaged = Watching(squared_error()), Watching(squared_error())
    for watched, averaging in ((plain, "none"), (averaged, "exponential")):
        config = TrainingConfig(epochs=2, averaging=averaging, averaging_decay=decay)
        fit(regression.model(), watched, regression.train(), regression.valid(), config)
    for before, after in zip(plain.trained, averaged.trained, strict=True):
        assert all(before[name].equal(after[name]) for name in before), "the same path"
    updates = len(regression.train())
    for name, weight in averaged.validated[0].items():
        mean = plain.trained[1][name]
        for k in range(2, updates + 1):
            share = max(1 / k, 1 - decay)
            mean = (1 - share) * mean + share * plain.trained[k][name]
        torch.testing.assert_close(weight, mean)
        assert not torch.allclose(weight, plain.validated[0][name])


def test_without_validation_the_mean_is_what_remains(regression, squared_error):
    plain, averaged = regression.model(), regression.model()
    for model, averaging in ((plain, "none"), (averaged, "exponential")):
        config = TrainingConfig(epochs=1, averaging=averaging)
        watched = Watching(squared_error())
        fit(model, watched, regression.train(), None, config)
    for name, last in plain.named_parameters():
        after = [one[name] for one in watched.trained[1:]] + [last.detach()]
        torch.testing.assert_close(averaged.get_parameter(name), torch.stack(after).mean(0))


@pytest.mark.parametrize(
    ("losses", "patience", "begins"),
    [
        ([5, 4, 3, 2, 1], 1, []),
        ([5, 4, 4.5, 4.4, 4.3], 1, [4]),
        ([5, 4, 4.5, 4.4, 4.3], 2, [5]),
        ([5, 4, 6, 3, 2], 1, [3]),
        ([5, 4, 6, 3, 2], 2, []),
        ([1, 2], 1, []),
        ([1, 2, 3], 1, [3]),
    ],
)
def test_averaging_begins_once_the_loss_is_above_the_best_before_the_last_few(
    losses, patience, begins
):
    config = TrainingConfig(averaging="triggered", averaging_patience=patience)
    average = WeightAverage(nn.Linear(1, 1), config)
    began = [n for n in range(1, len(losses) + 1) if average.epoch_ended(losses[:n])]
    assert began == begins


def test_the_triggered_mean_is_plain():
    model = nn.Linear(1, 1, bias=False)
    config = TrainingConfig(averaging="triggered", averaging_patience=1)
    average = WeightAverage(model, config)
    for value in (7.0, 1.0, 2.0, 6.0):
        if value == 1.0:
            assert average.epoch_ended([1.0, 2.0, 3.0])
        nn.init.constant_(model.weight, value)
        average.updated()
    with average.in_use():
        assert model.weight.item() == 3.0
    assert model.weight.item() == 6.0


def test_a_trigger_without_validation_is_refused(regression, squared_error):
    with pytest.raises(ConfigError, match="needs validation data"):
        fit(
            regression.model(),
            squared_error(),
            regression.train(),
            None,
            TrainingConfig(averaging="triggered"),
        )
