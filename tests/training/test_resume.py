"""A training that died anywhere goes on to the same bits."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest
import torch

from mnemonist.errors import ConfigError, TrainingInterrupted
from mnemonist.runs import CheckpointFolder
from mnemonist.training import LossResult, StreamBatches, TeacherForcing, TrainingConfig, fit

TIMES = ("seconds", "rows_per_second")


@pytest.fixture(autouse=True)
def _save_after_every_update(monkeypatch):
    monkeypatch.setattr("mnemonist.training.pace._SAVING_SHARE", 0)


def store(path) -> CheckpointFolder:
    path.mkdir(exist_ok=True)
    return CheckpointFolder(path / "checkpoints", path / "metrics.jsonl")


def state(model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def without_times(history) -> list[dict]:
    return [{k: v for k, v in r.to_dict().items() if k not in TIMES} for r in history]


CONFIGS = {
    "plain": {},
    "saved rarely": {"checkpoint_every": 1e9},
    "accumulated": {"accumulate": 3, "schedule": "one_cycle"},
    "sgd plateau": {
        "optimizer": "sgd",
        "schedule": "plateau",
        "decay_epochs": 1,
        "clip_value": 0.1,
        "learning_rate": 30.0,
        "epochs": 6,
    },
    "rmsprop step": {"optimizer": "rmsprop", "schedule": "step", "decay_epochs": 1},
    "adamw cosine": {
        "optimizer": "adamw",
        "schedule": "cosine",
        "weight_decay": 0.1,
        "warmup_steps": 9,
    },
    "bfloat16": {"precision": "bfloat16"},
    "exponential average": {"averaging": "exponential", "averaging_decay": 0.9},
    "triggered average": {
        "averaging": "triggered",
        "averaging_patience": 1,
        "optimizer": "sgd",
        "learning_rate": 1.5,
        "epochs": 9,
    },
    "patience": {"patience": 1, "min_delta": 0.5, "epochs": 9},
}


class Noisy:
    """Draws from every generator there is, so that a forgotten one shows."""

    def __init__(self, inner) -> None:
        self.inner = inner

    def loss(self, model, batch, *, carried, forcing, generator):
        noise = random.random() + np.random.rand() + float(torch.rand((), generator=generator))  # noqa: NPY002
        batch = {"x": batch["x"] + 0.01 * noise * forcing * torch.rand(()), "y": batch["y"]}
        return self.inner.loss(model, batch, carried=carried, forcing=forcing, generator=generator)


@pytest.mark.parametrize("options", CONFIGS.values(), ids=CONFIGS.keys())
def test_resume_is_exact(tmp_path, regression, squared_error, crash, options):
    forcing = TeacherForcing(schedule="exponential", k=0.95)
    config = TrainingConfig(
        **{"epochs": 3, "checkpoint_every": 1e-9, "teacher_forcing": forcing, **options}
    )
    train, valid = regression.train(), regression.valid()
    whole, whole_store = regression.model(), store(tmp_path / "whole")
    history = fit(whole, Noisy(squared_error()), train, valid, config, checkpoints=whole_store)

    if config.schedule == "plateau":
        assert len(set(history.column("learning_rate")[:-1])) > 1, "there was a plateau"
    if config.averaging != "none":
        assert any(name.startswith("average/") for name in whole_store.load()[0])

    # One epoch is 7 training batches and 3 of validation: within, in validation, right after.
    for number, fail_at in enumerate((1, 3, 9, 11, 12, 18)):
        broken_store = store(tmp_path / f"broken{number}")
        with pytest.raises(crash):
            fit(
                regression.model(),
                Noisy(squared_error(fail_at)),
                train,
                valid,
                config,
                checkpoints=broken_store,
            )
        random.seed(number)
        torch.manual_seed(number)
        model = regression.model()
        resumed = fit(model, Noisy(squared_error()), train, valid, config, checkpoints=broken_store)
        assert without_times(resumed) == without_times(history)
        for name, tensor in state(whole).items():
            assert tensor.equal(model.state_dict()[name]), (name, fail_at)
        assert len(broken_store.metrics.read_text().splitlines()) == history.epochs


def test_resume_with_carried_state_is_exact(tmp_path, carried_lstm, lstm_model, crash):
    data = torch.sin(torch.arange(61) * 0.3)[:, None]
    batches = StreamBatches({"x": data[:-1], "y": data[1:]}, 3, 4)
    config = TrainingConfig(epochs=3, checkpoint_every=1e-9)

    class Crashing:
        calls = 0

        def loss(self, model, batch, **given):
            self.calls += 1
            if self.calls == 9:
                raise crash
            return carried_lstm().loss(model, batch, **given)

    whole, broken = lstm_model(), lstm_model()
    fit(whole, carried_lstm(), batches, None, config)
    with pytest.raises(crash):
        fit(broken, Crashing(), batches, None, config, checkpoints=store(tmp_path))
    tensors, meta = store(tmp_path).load()
    assert (meta["position"]["epoch"], meta["position"]["index"]) == (1, 3), "inside an epoch"
    assert tensors["rank0/carried/0"].abs().sum() > 0, "the state is part of the checkpoint"
    broken = lstm_model()
    fit(broken, carried_lstm(), batches, None, config, checkpoints=store(tmp_path))
    for name, tensor in state(whole).items():
        assert tensor.equal(broken.state_dict()[name]), name


def test_a_finished_training_is_not_trained_again(tmp_path, regression, squared_error):
    config = TrainingConfig(epochs=4, learning_rate=0.3)
    model = regression.model()
    first = fit(
        model,
        squared_error(),
        regression.train(),
        regression.valid(),
        config,
        checkpoints=store(tmp_path),
    )
    again, objective = regression.model(), squared_error()
    second = fit(
        again,
        objective,
        regression.train(),
        regression.valid(),
        config,
        checkpoints=store(tmp_path),
    )
    assert objective.calls == 0
    assert second == first
    assert all(t.equal(again.state_dict()[n]) for n, t in state(model).items()), "the best weights"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("fail_at", [4, 9], ids=["while training", "while validating"])
def test_a_signal_saves_and_the_next_start_goes_on(
    tmp_path, regression, squared_error, number, fail_at
):
    class Signalled(squared_error):
        def loss(self, *given, **named):
            if self.calls + 1 == fail_at:
                os.kill(os.getpid(), number)
            return super().loss(*given, **named)

    config = TrainingConfig(epochs=2, checkpoint_every=1e9)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train, valid = regression.train(), regression.valid()
    whole, model = regression.model(), regression.model()
    fit(whole, Noisy(squared_error()), train, valid, config)
    with pytest.raises(TrainingInterrupted) as caught:
        fit(model, Noisy(Signalled()), train, valid, config, checkpoints=store(tmp_path))
    assert caught.value.signal == number
    assert "epoch 1 of 2" in str(caught.value)
    assert "same command" in str(caught.value)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    model = regression.model()
    fit(model, Noisy(squared_error()), train, valid, config, checkpoints=store(tmp_path))
    assert all(t.equal(model.state_dict()[n]) for n, t in state(whole).items())


def test_a_second_ctrl_c_stops_at_once(tmp_path, regression, squared_error):
    class Twice(squared_error):
        def loss(self, *given, **named):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            return super().loss(*given, **named)

    objective = Twice()
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(
            regression.model(),
            objective,
            regression.train(),
            None,
            TrainingConfig(),
            checkpoints=store(tmp_path),
        )
    assert not isinstance(caught.value, TrainingInterrupted)
    assert objective.calls == 0


def test_another_training_in_the_same_place_is_refused(tmp_path, regression, squared_error):
    train = regression.train()
    fit(
        regression.model(),
        squared_error(),
        train,
        None,
        TrainingConfig(epochs=1),
        checkpoints=store(tmp_path),
    )
    with pytest.raises(ConfigError, match=r"epochs: 1 -> 2; learning_rate: 0\.001 -> 0\.1"):
        fit(
            regression.model(),
            squared_error(),
            train,
            None,
            TrainingConfig(epochs=2, learning_rate=0.1),
            checkpoints=store(tmp_path),
        )
    with pytest.raises(ConfigError, match="batches of an epoch: 7 -> 5"):
        fit(
            regression.model(),
            squared_error(),
            regression.train(10),
            None,
            TrainingConfig(epochs=1),
            checkpoints=store(tmp_path),
        )
    with pytest.raises(ConfigError, match="does not fit this Linear"):
        fit(
            torch.nn.Linear(3, 1),
            squared_error(),
            train,
            None,
            TrainingConfig(epochs=1),
            checkpoints=store(tmp_path),
        )


def test_carried_state_that_cannot_be_stored_is_said_at_once(tmp_path, regression):
    class Odd:
        def loss(self, model, batch, *, carried, forcing, generator):
            error = (model(batch["x"]) - batch["y"]).square()
            return LossResult(error.sum(), error.numel(), carried={"h": object()})

    class Continuing(type(regression.train())):
        def continues(self, epoch, index):
            return index > 0

    data = regression.train()
    batches = Continuing(data.arrays, 8)
    with pytest.raises(ConfigError, match="carried state holds a object"):
        fit(
            regression.model(),
            Odd(),
            batches,
            None,
            TrainingConfig(checkpoint_every=1e-9),
            checkpoints=store(tmp_path),
        )
