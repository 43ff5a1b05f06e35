"""Means of the weights over many updates, in place of the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.training.config import TrainingConfig

__all__ = ["WeightAverage"]


class WeightAverage:
    """The mean of the trained weights w after the updates k = 1, 2, ... since it began.

        w̄_k = w̄_{k-1} + max(1 / k, 1 - decay) · (w_k - w̄_{k-1})

    "exponential" begins with the first update. "triggered" has decay = 1, a plain mean (Polyak &
    Juditsky 1992), and begins after the first epoch whose validation loss is above the best of
    those more than `patience` epochs before it (NT-ASGD; Merity, Keskar & Socher 2018).

    Args:
        model: whose trainable parameters are averaged; buffers stay what they are.
        config: `averaging`, `averaging_patience`, `averaging_decay`.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        self._named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        self._patience = config.averaging_patience
        self._waits = config.averaging == "triggered"
        self._least = 1 - config.averaging_decay if config.averaging == "exponential" else 0.0
        self._began = config.averaging == "exponential"
        self._count = 0
        self._in_use = False
        self.mean: list[Tensor] = []

    def updated(self) -> None:
        """Take the weights after an update into the mean."""
        if not self._began:
            return
        weights = self._weights()
        self._count += 1
        if self._count == 1:
            self.mean = [weight.clone() for weight in weights]
        else:
            torch._foreach_lerp_(self.mean, weights, max(1 / self._count, self._least))

    def epoch_ended(self, losses: Sequence[float]) -> bool:
        """Whether averaging begins now, from the validation losses of all epochs so far."""
        before = losses[: -self._patience - 1]
        if not self._waits or self._began or not before or losses[-1] <= min(before):
            return False
        self._began = True
        return True

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The model has the mean of its weights within the block, where there is one."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def put_in(self) -> None:
        """The model gets the mean of its weights for good, where there is one."""
        for weight, mean in zip(self._weights(), self.mean, strict=False):
            weight.copy_(mean)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What a checkpoint holds, within `in_use` as well: tensors, and what is none."""
        tensors = {name: mean for (name, _), mean in zip(self._named, self.mean, strict=False)}
        return tensors, {"began": self._began, "count": self._count, "in_use": self._in_use}

    def load_state_dict(self, tensors: dict[str, Tensor], rest: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken; the model has the weights of that moment."""
        self._began, self._count, self._in_use = rest["began"], rest["count"], rest["in_use"]
        self.mean = [tensors[name].to(p.device) for name, p in self._named if tensors]
        if self._in_use:
            self._swap()

    def _swap(self) -> None:
        if self.mean:
            self._in_use = not self._in_use
            for weight, mean in zip(self._weights(), self.mean, strict=True):
                kept = weight.clone()
                weight.copy_(mean)
                mean.copy_(kept)

    def _weights(self) -> list[Tensor]:
        return [parameter.detach() for _, parameter in self._named]
