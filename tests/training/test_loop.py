"""The loop does what a plain loop written by hand does, and each option what it says."""

from __future__ import annotations

import copy
from types import MappingProxyType

import pytest
import torch
from torch import nn

from mnemonist.errors import ConfigError
from mnemonist.training import (
    BucketBatches,
    LossResult,
    ShuffledBatches,
    StreamBatches,
    TeacherForcing,
    TrainingConfig,
    fit,
)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


class TimeFirst(ShuffledBatches):
    """Rows of (N, T, 1) as batches (T, B, 1)."""

    row_dims = MappingProxyType({"x": 1, "y": 1})

    def batch(self, epoch, index):
        return {name: t.transpose(0, 1) for name, t in super().batch(epoch, index).items()}


def double(regression):
    regression.x, regression.y = regression.x.double(), regression.y.double()
    return regression


def test_equals_a_loop_written_by_hand(regression, squared_error):
    regression = double(regression)
    model, batches = regression.model(dropout=0.0), regression.train()
    byhand = copy.deepcopy(model)
    config = TrainingConfig(epochs=3, learning_rate=0.05, clip_norm=0.5, optimizer="sgd")
    history = fit(model, squared_error(), batches, None, config)

    optimizer = torch.optim.SGD(byhand.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(3):
        total = 0.0
        for index in range(len(batches)):
            batch = batches.batch(epoch, index)
            optimizer.zero_grad()
            loss = (byhand(batch["x"]) - batch["y"]).square().mean()
            loss.backward()
            nn.utils.clip_grad_norm_(byhand.parameters(), 0.5)
            optimizer.step()
            total += float(loss.detach()) * len(batch["y"])
        assert history.records[epoch].train_loss == pytest.approx(total / 50, rel=1e-12)
    torch.testing.assert_close(weights(model), weights(byhand), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_accumulated_batches_are_one_larger_batch(regression, squared_error, optimizer):
    regression = double(regression)
    results = []
    for accumulate, size in ((1, 12), (4, 3)):
        model = regression.model(dropout=0.0)
        config = TrainingConfig(
            epochs=2,
            batch_size=size,
            accumulate=accumulate,
            optimizer=optimizer,
            learning_rate=0.02,
            weight_decay=0.01,
        )
        history = fit(model, squared_error(), regression.train(size), None, config)
        results.append((weights(model), history.records[-1].train_loss))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-10, atol=1e-12)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-10)


def test_accumulation_weights_padded_batches_by_their_terms():
    """Two batches of 3 and 9 counted terms are one batch of 12, not a mean of means."""
    generator = torch.Generator().manual_seed(2)
    sequences = [torch.randn(n, 1, generator=generator).double() for n in (1, 2, 4, 5)]

    class Masked:
        def loss(self, model, batch, *, carried, forcing, generator):
            mask = torch.arange(len(batch["x"]))[:, None] < batch["lengths"]
            error = (model(batch["x"])[..., 0] - 1).square() * mask
            return LossResult(error.sum(), float(mask.sum()))

    results = []
    for accumulate, size in ((1, 4), (2, 2)):
        torch.manual_seed(0)
        model = nn.Linear(1, 1).double()
        batches = BucketBatches({"x": sequences}, size, shuffle=False)
        config = TrainingConfig(epochs=1, accumulate=accumulate, optimizer="sgd", clip_norm=None)
        fit(model, Masked(), batches, None, config)
        results.append(weights(model))
    torch.testing.assert_close(*results, rtol=1e-13, atol=1e-15)


def test_clipping_bounds_the_step(regression, squared_error):
    for options, size in (
        ({"clip_norm": 0.01}, torch.linalg.vector_norm),
        ({"clip_norm": None, "clip_value": 0.01}, torch.max),
    ):
        model = regression.model(dropout=0.0)
        before = weights(model)
        config = TrainingConfig(
            epochs=1, optimizer="sgd", momentum=0.0, learning_rate=1.0, **options
        )
        history = fit(model, squared_error(), regression.train(50), None, config)
        step = (weights(model) - before).abs()
        assert float(size(step)) == pytest.approx(0.01, rel=1e-3)
        assert history.records[0].grad_norm > 0.1, "the recorded norm is the one before clipping"


def test_weight_decay_spares_biases_and_norms(squared_error):
    class Zero:
        def loss(self, model, batch, *, carried, forcing, generator):
            return LossResult(model(batch["x"]).sum() * 0, 1.0)

    for decay_vectors in (False, True):
        model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
        nn.init.ones_(model[0].bias)
        matrix = model[0].weight.detach().clone()
        config = TrainingConfig(
            epochs=1,
            optimizer="adamw",
            learning_rate=0.1,
            weight_decay=0.5,
            decay_vectors=decay_vectors,
        )
        fit(model, Zero(), ShuffledBatches({"x": torch.ones(4, 2)}, 4), None, config)
        torch.testing.assert_close(model[0].weight.detach(), matrix * 0.95)
        expected = 0.95 if decay_vectors else 1.0
        torch.testing.assert_close(model[0].bias.detach(), torch.full((3,), expected))
        torch.testing.assert_close(model[1].weight.detach(), torch.full((3,), expected))


def test_the_best_weights_are_kept_and_patience_ends_training(squared_error):
    """A validation loss that falls and then rises, because its optimum is passed."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    x = torch.ones(4, 1)
    train = ShuffledBatches({"x": x, "y": 10 * x}, 4)
    valid = ShuffledBatches({"x": x, "y": x}, 4)
    config = TrainingConfig(
        epochs=50, optimizer="sgd", momentum=0.0, learning_rate=0.25, clip_norm=1.0, patience=3
    )
    history = fit(model, squared_error(), train, valid, config)
    assert history.stopped_early
    assert history.best_epoch == 4, "four clipped steps of 0.25 reach the optimum 1"
    assert history.epochs == 7
    assert model.weight.item() == pytest.approx(1.0)
    assert history.best_loss == min(history.column("valid_loss")) == pytest.approx(0, abs=1e-9)
    assert not model.training


def test_small_gains_do_not_reset_patience(squared_error):
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    x = torch.ones(4, 1)
    batches = ShuffledBatches({"x": x, "y": 10 * x}, 4)
    config = TrainingConfig(
        epochs=50, optimizer="sgd", momentum=0.0, learning_rate=1e-4, patience=2, min_delta=1.0
    )
    history = fit(model, squared_error(), batches, batches, config)
    assert history.epochs == 3
    assert history.best_epoch == 3, "the weights are still the best there were"


def test_truncated_bptt_carries_the_state_and_cuts_the_gradient(carried_lstm, lstm_model):
    """Against chunks of the whole sequence run by hand; state carried, graph cut."""
    data = torch.sin(torch.arange(41) * 0.3).double()[:, None]
    model = lstm_model(torch.float64)
    byhand = copy.deepcopy(model)
    batches = StreamBatches({"x": data[:-1], "y": data[1:]}, 2, 5)
    config = TrainingConfig(epochs=2, optimizer="sgd", momentum=0.0, learning_rate=0.1)
    fit(model, carried_lstm(), batches, None, config)

    streams = batches.arrays
    for _ in range(2):
        state = None
        for start in range(0, 20, 5):
            x, y = streams["x"][start : start + 5], streams["y"][start : start + 5]
            hidden, state = byhand["lstm"](x, state)
            state = tuple(s.detach() for s in state)
            byhand.zero_grad()
            (byhand["head"](hidden) - y).square().mean().backward()
            nn.utils.clip_grad_norm_(byhand.parameters(), 1.0)
            with torch.no_grad():
                for parameter in byhand.parameters():
                    parameter -= 0.1 * parameter.grad
    torch.testing.assert_close(weights(model), weights(byhand), rtol=1e-11, atol=1e-13)


def test_bptt_cuts_long_batches_as_streams_are_cut(carried_lstm, lstm_model):
    data = torch.sin(torch.arange(24) * 0.3).double()
    x = data.reshape(2, 12, 1)
    streamed, cut = lstm_model(torch.float64), lstm_model(torch.float64)
    config = TrainingConfig(epochs=2, optimizer="sgd", bptt=4)
    fit(
        streamed,
        carried_lstm(),
        StreamBatches({"x": data[:, None], "y": data[:, None]}, 2, 4),
        None,
        config,
    )

    long = TimeFirst({"x": x, "y": x}, 2, shuffle=False, time_dims={"x": 0, "y": 0})
    history = fit(cut, carried_lstm(), long, None, config)
    assert history.records[-1].updates == 6
    assert weights(cut).equal(weights(streamed))


def test_accumulation_with_bptt_is_the_larger_batch_with_bptt(carried_lstm, lstm_model):
    data = torch.sin(torch.arange(48) * 0.3).double().reshape(4, 12, 1)

    results = []
    for size, accumulate in ((4, 1), (1, 4)):
        model = lstm_model(torch.float64)
        batches = TimeFirst({"x": data, "y": data}, size, time_dims={"x": 0, "y": 0})
        config = TrainingConfig(epochs=2, optimizer="sgd", bptt=5, accumulate=accumulate)
        fit(model, carried_lstm(), batches, None, config)
        results.append(weights(model))
    torch.testing.assert_close(*results, rtol=1e-11, atol=1e-13)


def test_the_objective_hears_the_forcing_schedule(regression, squared_error):
    objective = squared_error()
    forcing = TeacherForcing(schedule="linear", slope=0.1, floor=0.3)
    config = TrainingConfig(epochs=2, teacher_forcing=forcing)
    history = fit(regression.model(), objective, regression.train(10), None, config)
    assert objective.forcings == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.3])
    assert history.column("forcing") == pytest.approx([0.6, 0.3])


def test_same_seed_same_bits_and_another_seed_others(regression, squared_error):
    def run(seed: int) -> torch.Tensor:
        model = regression.model()
        torch.rand(seed + 3)  # whatever was drawn before does not matter
        fit(model, squared_error(), regression.train(), None, TrainingConfig(epochs=2, seed=seed))
        return weights(model)

    assert run(1).equal(run(1))
    assert not run(1).equal(run(2))


def test_bfloat16_computes_in_bfloat16_and_learns(regression):
    seen = []

    class Watching:
        def loss(self, model, batch, *, carried, forcing, generator):
            output = model(batch["x"])
            seen.append(output.dtype)
            error = (output.float() - batch["y"]).square()
            return LossResult(error.sum(), error.numel())

    model = regression.model(dropout=0.0)
    config = TrainingConfig(epochs=15, precision="bfloat16", learning_rate=0.03)
    history = fit(model, Watching(), regression.train(), None, config)
    assert set(seen) == {torch.bfloat16}
    assert model[0].weight.dtype == torch.float32
    assert history.records[-1].train_loss < 0.3 * history.records[0].train_loss


def test_what_the_device_lacks_is_said(regression, squared_error):
    config = TrainingConfig(epochs=1, precision="float16")
    with pytest.raises(ConfigError, match=r"float16 needs a CUDA device.*choose bfloat16"):
        fit(regression.model(), squared_error(), regression.train(), None, config)
    config = TrainingConfig(epochs=1, device="cuda:99")
    with pytest.raises(ConfigError, match=r"'cuda:99' was asked for.*--device cpu"):
        fit(regression.model(), squared_error(), regression.train(), None, config)
    with pytest.raises(ConfigError, match="not one that torch knows"):
        fit(
            regression.model(),
            squared_error(),
            regression.train(),
            None,
            TrainingConfig(device="gpu"),
        )


def test_misuse_is_explained(regression, squared_error):
    train = regression.train()

    class Detached(squared_error):
        def loss(self, model, batch, **given):
            result = super().loss(model, batch, **given)
            return LossResult(result.total.detach(), result.weight)

    class Unsummed:
        def loss(self, model, batch, *, carried, forcing, generator):
            return LossResult(model(batch["x"]), 1.0)

    frozen = regression.model().requires_grad_(False)
    cases = [
        (regression.model(), Detached(), TrainingConfig(), "does not depend on a trainable"),
        (regression.model(), Unsummed(), TrainingConfig(), r"scalar sum.*shape \(8, 1\)"),
        (frozen, squared_error(), TrainingConfig(), "no trainable parameter"),
        (regression.model(), squared_error(), TrainingConfig(patience=2), "needs validation data"),
    ]
    for model, objective, config, message in cases:
        with pytest.raises(ConfigError, match=message):
            fit(model, objective, train, None, config)


def test_records_add_up(regression, squared_error):
    config = TrainingConfig(epochs=3, schedule="step", decay_epochs=1, learning_rate=0.1)
    history = fit(
        regression.model(), squared_error(), regression.train(), regression.valid(), config
    )
    assert history.column("epoch") == [1, 2, 3]
    assert history.column("updates") == [7, 14, 21]
    assert history.column("learning_rate") == pytest.approx([0.1, 0.05, 0.025])
    assert all(r.rows_per_second > 0 and r.seconds > 0 for r in history)
    assert all(r.grad_norm_max >= r.grad_norm > 0 for r in history)
    assert type(history).from_dict(history.to_dict()) == history
