"""Early stopping, and the weights that were best."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Remembers the weights with the least validation loss and says when to give up.

    Training stops after `patience` epochs in a row none of which is lower by more than
    `min_delta` than the lowest loss that counted before (Prechelt 1998).
    """

    def __init__(self, patience: int | None, min_delta: float = 0.0) -> None:
        self.patience, self.min_delta = patience, min_delta
        self.best_loss: float = math.inf
        self.best_epoch: int | None = None
        self.best_weights: dict[str, Tensor] = {}
        self._reference = math.inf
        self._waited = 0

    def epoch_ended(self, epoch: int, loss: float, model: nn.Module) -> None:
        """Take note of an epoch's validation loss."""
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_weights = {n: t.detach().clone() for n, t in model.state_dict().items()}
        if loss < self._reference - self.min_delta:
            self._reference, self._waited = loss, 0
        else:
            self._waited += 1

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self._waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds beside `best_weights`."""
        return {
            "best_loss": _finite(self.best_loss),
            "best_epoch": self.best_epoch,
            "reference": _finite(self._reference),
            "waited": self._waited,
        }

    def load_state_dict(self, state: dict[str, Any], best_weights: dict[str, Tensor]) -> None:
        """Continue where `state_dict` was taken."""
        self.best_loss = _number(state["best_loss"])
        self.best_epoch = state["best_epoch"]
        self._reference = _number(state["reference"])
        self._waited = state["waited"]
        self.best_weights = best_weights


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.inf if value is None else value
