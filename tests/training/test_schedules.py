"""Learning rates agree with torch's own schedulers; forcing follows Bengio et al. (2015)."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from torch.optim import SGD, lr_scheduler

from mnemonist.training import RateSchedule, TeacherForcing, TrainingConfig, forcing_probability

EPOCHS, BATCHES = 12, 5


def ours(config: TrainingConfig, losses: list[float] | None = None) -> list[float]:
    schedule, rates = RateSchedule(config), []
    for epoch in range(EPOCHS):
        for index in range(BATCHES):
            progress = (epoch + index / BATCHES) / EPOCHS
            rates.append(schedule.rate(update=len(rates), progress=progress))
        if losses:
            schedule.epoch_ended(losses[epoch])
    return rates


def torchs(make, *, by_epoch: bool = False, losses: list[float] | None = None) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler, rates = make(optimizer), []
    for epoch in range(EPOCHS):
        for _ in range(BATCHES):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if not by_epoch:
                scheduler.step()
        if by_epoch:
            scheduler.step(*([losses[epoch]] if losses else []))
    return rates


def config(**options) -> TrainingConfig:
    return TrainingConfig(learning_rate=0.1, epochs=EPOCHS, **options)


def test_cosine_is_torchs():
    expected = torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS * BATCHES, eta_min=0.01))
    assert ours(config(schedule="cosine", final_fraction=0.1)) == pytest.approx(expected)


def test_step_is_torchs():
    expected = torchs(lambda o: lr_scheduler.StepLR(o, 3, gamma=0.3), by_epoch=True)
    assert ours(config(schedule="step", decay_epochs=3, decay_factor=0.3)) == pytest.approx(
        expected
    )


def test_one_cycle_is_torchs():
    def make(optimizer):
        # torch counts from 0 to the last update, we to the end of it: 61 updates for our 60.
        return lr_scheduler.OneCycleLR(
            optimizer,
            0.1,
            EPOCHS * BATCHES + 1,
            div_factor=25,
            final_div_factor=4e3,
            cycle_momentum=False,
        )

    rates = ours(config(schedule="one_cycle", final_fraction=1e-6))
    # torch places the peak at 0.3 · total - 1 = 17.3 of its 60 steps, we at 18 of 60.
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates.index(max(rates)) == 18
    assert max(rates) == pytest.approx(0.1)
    assert rates == pytest.approx(torchs(make), abs=0.006)


def test_plateau_is_torchs():
    losses = [5, 4, 4.5, 4.2, 4.1, 3, 3.5, 3.2, 3.1, 3.4, 3.3, 2]
    expected = torchs(
        lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1, threshold=0),
        by_epoch=True,
        losses=losses,
    )
    assert len(set(expected)) > 2
    assert ours(config(schedule="plateau", decay_epochs=2), losses) == pytest.approx(expected)


def test_warm_up_rises_linearly_from_the_first_update():
    rates = ours(config(warmup_steps=4))
    assert rates[:6] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_plateau_state_goes_on_after_a_restart():
    settings = config(schedule="plateau", decay_epochs=2)
    whole, first, second = (RateSchedule(settings) for _ in range(3))
    losses = [3.0, 3.5, 3.2, 3.1, 3.3, 2.0]
    for loss in losses:
        whole.epoch_ended(loss)
    for loss in losses[:3]:
        first.epoch_ended(loss)
    second.load_state_dict(first.state_dict())
    for loss in losses[3:]:
        second.epoch_ended(loss)
    assert second.state_dict() == whole.state_dict()
    assert second.rate(update=9, progress=0.5) == 0.025


@pytest.mark.parametrize(
    ("forcing", "update", "probability"),
    [
        (TeacherForcing(schedule="always"), 10**9, 1.0),
        (TeacherForcing(schedule="never"), 0, 0.0),
        (TeacherForcing(schedule="linear", k=0.9, slope=0.1, floor=0.2), 3, 0.6),
        (TeacherForcing(schedule="linear", k=0.9, slope=0.1, floor=0.2), 50, 0.2),
        (TeacherForcing(schedule="exponential", k=0.99), 100, 0.99**100),
        (TeacherForcing(schedule="inverse_sigmoid", k=10), 0, 10 / 11),
        (TeacherForcing(schedule="inverse_sigmoid", k=10), 30, 10 / (10 + math.exp(3))),
        (TeacherForcing(schedule="inverse_sigmoid", k=1, floor=0.1), 10**9, 0.1),
    ],
)
def test_forcing_formulas(forcing, update, probability):
    assert forcing_probability(forcing, update) == pytest.approx(probability)


@pytest.mark.parametrize("schedule", ["linear", "exponential", "inverse_sigmoid"])
def test_forcing_falls_from_nearly_one_to_the_floor(schedule):
    forcing = TeacherForcing(schedule=schedule, floor=0.25)
    values = [forcing_probability(forcing, update) for update in range(0, 20_000, 100)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.99
    assert values[-1] == 0.25


@pytest.mark.parametrize(("schedule", "k"), [("exponential", 1.5), ("inverse_sigmoid", 0.5)])
def test_a_constant_that_cannot_work_is_refused(schedule, k):
    with pytest.raises(ValidationError, match="needs k"):
        TeacherForcing(schedule=schedule, k=k)


def test_the_configuration_is_read_without_torch():
    """The command line builds its flags from it and must answer at once."""
    program = (
        "import sys; from mnemonist.training import TrainingConfig; TrainingConfig();"
        "from mnemonist.runs import default_run_name; default_run_name('forecast', 'a.csv', {});"
        "print(*{'torch', 'numpy', 'pandas', 'matplotlib'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")
