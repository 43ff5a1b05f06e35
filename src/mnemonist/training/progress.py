"""What a person sees while training runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mnemonist.training.history import EpochRecord

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Progress", "RichProgress", "Silent", "Status", "time_left"]


@dataclass(frozen=True)
class Status:
    """Where training is.

    Attributes:
        epoch: counted from 1.
        epochs: the most there will be.
        done: batches done in all epochs, those before a resume included.
        total: batches in all epochs.
        loss: mean training loss of this epoch so far; None before its first batch.
        rows_per_second: of this epoch so far.
        seconds_left: see `time_left`.
        may_stop_early: whether patience can make the rest shorter.
    """

    epoch: int
    epochs: int
    done: int
    total: int
    loss: float | None
    rows_per_second: float
    seconds_left: float | None
    may_stop_early: bool


class Progress(Protocol):
    """Who is told how training goes. Everything but results goes here, never to stdout."""

    def start(self, status: Status) -> None: ...

    def update(self, status: Status) -> None: ...

    def epoch(self, record: EpochRecord, best: bool) -> None: ...

    def say(self, text: str) -> None: ...

    def stop(self) -> None: ...


def time_left(
    *,
    batches_left: int,
    epochs_left: int,
    batch_seconds: float,
    batches_timed: int,
    between_seconds: float,
    epochs_timed: int,
) -> float | None:
    """Seconds until the last epoch ends, from what this process measured; None before it can tell.

    Training batches count as long as they took on average; each epoch that is not over adds the
    mean of what came between epochs (validation, saving) once one was seen.

    >>> time_left(batches_left=90, epochs_left=3, batch_seconds=2.0, batches_timed=10,
    ...           between_seconds=1.5, epochs_timed=1)
    22.5
    """
    if batches_timed < 3:
        return None
    left = batches_left * batch_seconds / batches_timed
    if epochs_timed:
        left += epochs_left * between_seconds / epochs_timed
    return left


class Silent:
    """Says nothing."""

    def start(self, status: Status) -> None:
        pass

    def update(self, status: Status) -> None:
        pass

    def epoch(self, record: EpochRecord, best: bool) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


class RichProgress:
    """A bar on stderr with loss, speed and the time left.

    Nothing but `say` appears where stderr is not a terminal, and not even that with `quiet`;
    stdout is never written to.

    Args:
        quiet: say nothing at all.
        console: a rich console to write to in place of stderr.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(file=sys.stderr, quiet=quiet)
        self._shown = self._console.is_terminal and not quiet
        self._bar: Any = None
        self._task: Any = None
        self._valid = ""

    def start(self, status: Status) -> None:
        if not self._shown:
            return
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            refresh_per_second=5,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=status.total, **self._fields(status))
        self.update(status)

    def update(self, status: Status) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=status.done, **self._fields(status))

    def epoch(self, record: EpochRecord, best: bool) -> None:
        if record.valid_loss is not None:
            self._valid = f"valid {record.valid_loss:.4g}" + (" (best so far)" if best else "")

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _fields(self, status: Status) -> dict[str, str]:
        parts = [] if status.loss is None else [f"loss {status.loss:.4g}"]
        if self._valid:
            parts.append(self._valid)
        if status.rows_per_second:
            parts.append(f"{status.rows_per_second:,.0f} rows/s")
        if status.seconds_left is not None:
            most = "at most " if status.may_stop_early else ""
            parts.append(f"{most}{_clock(status.seconds_left)} left")
        return {"epoch": f"{status.epoch}/{status.epochs}", "text": "  ".join(parts)}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
