"""Where a training is, and what its epoch has added up to."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Position", "Sums"]


@dataclass
class Position:
    """What comes next, and how many updates were made."""

    epoch: int = 0
    index: int = 0
    piece: int = 0
    updates: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class Sums:
    """What an epoch's record is made of."""

    loss: float = 0.0
    weight: float = 0.0
    rows: float = 0.0
    norm: float = 0.0
    norm_max: float = 0.0
    norms: int = 0
    rate: float = 0.0
    forcing: float = 0.0
    train_seconds: float = 0.0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @property
    def mean_loss(self) -> float | None:
        return self.loss / self.weight if self.weight else None
