"""Time: what was spent, what is left, and when to save and to show."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from mnemonist.training.config import TrainingConfig
from mnemonist.training.progress import Status, time_left

if TYPE_CHECKING:
    from mnemonist.training.loop import Position, Sums

__all__ = ["Pace"]

# Checkpoints may cost a twentieth of the time between them, so a slow disk is asked less often.
_SAVING_SHARE = 20
_SECONDS_BETWEEN_SHOWS = 0.1


class Pace:
    """The clock of one training in this process."""

    def __init__(self, config: TrainingConfig, batches: int) -> None:
        self._config, self._batches = config, batches
        self._mark = self._last_save = perf_counter()
        self._last_show = 0.0
        self._save_cost = 0.0
        self._begun_batches = self._begun_epoch = 0
        self._train_seconds = self._between_seconds = 0.0
        self.unsaved = True

    def begin_at(self, position: Position) -> None:
        """Training goes on from a checkpoint."""
        self._begun_epoch = position.epoch
        self._begun_batches = position.epoch * self._batches + position.index
        self.unsaved = False

    def start(self) -> None:
        """Training begins now."""
        self._mark = self._last_save = perf_counter()

    def resume_clock(self) -> None:
        """Seconds count from here."""
        now = perf_counter()
        self._between_seconds += now - self._mark
        self._mark = now

    def tick(self, sums: Sums, *, training: bool) -> None:
        """Book the seconds since the last mark to the epoch."""
        now = perf_counter()
        seconds, self._mark = now - self._mark, now
        sums.seconds += seconds
        self.unsaved = True
        if training:
            sums.train_seconds += seconds
            self._train_seconds += seconds
        else:
            self._between_seconds += seconds

    def save_due(self) -> bool:
        """Whether a checkpoint within an epoch is due."""
        wait = max(self._config.checkpoint_every, _SAVING_SHARE * self._save_cost)
        return perf_counter() - self._last_save >= wait

    def epoch_save_due(self) -> bool:
        """Whether one is due at an epoch's end: always, unless epochs are shorter than that pays."""
        return perf_counter() - self._last_save >= _SAVING_SHARE * self._save_cost

    def saved(self, cost: float) -> None:
        """A checkpoint was written and took `cost` seconds."""
        self._save_cost = cost
        self._last_save = self._mark = perf_counter()
        self.unsaved = False

    def show_due(self) -> bool:
        """Whether the watcher should be told again."""
        now = perf_counter()
        due = now - self._last_show >= _SECONDS_BETWEEN_SHOWS
        if due:
            self._last_show = now
        return due

    def status(self, position: Position, sums: Sums) -> Status:
        """For the watcher."""
        epochs, total = self._config.epochs, self._config.epochs * self._batches
        done = position.epoch * self._batches + position.index
        left = time_left(
            batches_left=total - done,
            epochs_left=epochs - position.epoch,
            batch_seconds=self._train_seconds,
            batches_timed=done - self._begun_batches,
            between_seconds=self._between_seconds,
            epochs_timed=position.epoch - self._begun_epoch,
        )
        return Status(
            epoch=min(position.epoch + 1, epochs),
            epochs=epochs,
            done=done,
            total=total,
            loss=sums.mean_loss,
            rows_per_second=sums.rows / sums.train_seconds if sums.train_seconds else 0.0,
            seconds_left=left,
            may_stop_early=self._config.patience is not None,
        )
