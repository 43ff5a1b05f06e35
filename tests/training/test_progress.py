"""What is shown: honest about the time, silent where nobody looks."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mnemonist.training import RichProgress, Status, TrainingConfig, find_learning_rate, fit
from mnemonist.training.progress import time_left


def status(**changes) -> Status:
    values = {
        "epoch": 3,
        "epochs": 10,
        "done": 25,
        "total": 100,
        "loss": 0.123456,
        "rows_per_second": 12345.6,
        "seconds_left": 75.4,
        "may_stop_early": True,
    }
    return Status(**{**values, **changes})


def test_time_left_counts_what_comes_between_epochs_and_waits_for_evidence():
    seen = {"batch_seconds": 10.0, "between_seconds": 8.0, "epochs_timed": 2, "epochs_left": 3}
    assert time_left(batches_left=30, batches_timed=20, **seen) == pytest.approx(15 + 12)
    assert time_left(batches_left=30, batches_timed=2, **seen) is None
    first = {**seen, "epochs_timed": 0}
    assert time_left(batches_left=30, batches_timed=20, **first) == pytest.approx(15)


def test_a_terminal_shows_loss_speed_and_time():
    out = io.StringIO()
    progress = RichProgress(console=Console(file=out, force_terminal=True, width=120))
    progress.start(status())
    progress.stop()
    for text in ("epoch 3/10", "25 %", "loss 0.1235", "12,346 rows/s", "at most 1:15 left"):
        assert text in out.getvalue(), text


def test_before_it_can_tell_no_time_is_shown():
    out = io.StringIO()
    progress = RichProgress(console=Console(file=out, force_terminal=True, width=120))
    progress.start(status(seconds_left=None, loss=None))
    progress.stop()
    assert "left" not in out.getvalue()
    assert "loss" not in out.getvalue()


def test_piped_or_quiet_nothing_is_drawn_and_stdout_stays_clean(regression, squared_error, capsys):
    config = TrainingConfig(epochs=2)
    out = io.StringIO()
    for progress in (
        RichProgress(console=Console(file=out)),
        RichProgress(quiet=True),
        RichProgress(quiet=True, console=Console(file=out, quiet=True, force_terminal=True)),
        RichProgress(),
    ):
        fit(
            regression.model(), squared_error(), regression.train(), None, config, progress=progress
        )
    assert out.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_the_loop_reports_its_place(regression, squared_error):
    class Watching(RichProgress):
        def __init__(self):
            self.seen, self.records = [], []

        def start(self, status):
            self.seen.append(status)

        update = start

        def epoch(self, record, best):
            self.records.append((record.epoch, best))

        def stop(self):
            self.stopped = True

    progress = Watching()
    config = TrainingConfig(epochs=3, learning_rate=0.01)
    history = fit(
        regression.model(),
        squared_error(),
        regression.train(),
        regression.valid(),
        config,
        progress=progress,
    )
    assert progress.seen[0].done == 0
    assert progress.seen[0].total == 21
    assert [epoch for epoch, _ in progress.records] == [1, 2, 3]
    best = [epoch for epoch, is_best in progress.records if is_best]
    assert best[-1] == history.best_epoch
    assert progress.stopped


def test_the_rate_search_finds_a_rate_that_trains_and_leaves_the_model(regression, squared_error):
    model = regression.model(dropout=0.0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config = TrainingConfig(epochs=10)
    found = find_learning_rate(model, squared_error(), regression.train(), config, highest=100.0)
    assert all(tensor.equal(model.state_dict()[name]) for name, tensor in before.items())
    assert len(found.rates) == len(found.losses) < 100, "it stopped when the loss exploded"
    assert found.losses[-1] < 4.0001 * min(found.losses)
    chosen = TrainingConfig(epochs=10, learning_rate=found.suggestion)
    history = fit(model, squared_error(), regression.train(), None, chosen)
    assert history.records[-1].train_loss < 0.1 * found.losses[0]
