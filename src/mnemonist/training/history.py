"""What training recorded, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["EpochRecord", "History"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: counted from 1.
        train_loss: mean over the terms of all batches, as they were when trained on.
        valid_loss: mean over the validation terms after the epoch; None without such data.
        learning_rate: at the epoch's last update.
        forcing: probability of teacher forcing at the epoch's last update.
        grad_norm: mean norm of the gradient before clipping.
        grad_norm_max: the largest.
        updates: of the optimiser, since training began.
        seconds: of the epoch, validation included.
        rows_per_second: training rows over the time spent training.
    """

    epoch: int
    train_loss: float
    valid_loss: float | None
    learning_rate: float
    forcing: float
    grad_norm: float
    grad_norm_max: float
    updates: int
    seconds: float
    rows_per_second: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class History:
    """The records of a training.

    Attributes:
        records: one an epoch.
        best_epoch: whose weights were kept, counted from 1; None without validation.
        best_loss: its validation loss.
        stopped_early: whether patience ran out before the epochs did.

    >>> History().epochs
    0
    """

    records: list[EpochRecord] = field(default_factory=list)
    best_epoch: int | None = None
    best_loss: float | None = None
    stopped_early: bool = False

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.records)

    @property
    def seconds(self) -> float:
        """Seconds spent in them."""
        return sum(record.seconds for record in self.records)

    def column(self, name: str) -> list[Any]:
        """One field over the epochs, e.g. ``history.column("valid_loss")``."""
        return [getattr(record, name) for record in self.records]

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """The inverse of `to_dict`."""
        return cls(**{**values, "records": [EpochRecord(**r) for r in values["records"]]})
