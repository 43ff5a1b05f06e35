"""What the loop asks of those who use it: a loss, batches, and a place for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

__all__ = ["Checkpoints", "LossResult", "Objective"]


@dataclass(frozen=True)
class LossResult:
    """The loss of one batch, as a sum and the number of its terms.

    Attributes:
        total: scalar, the sum of the loss over the terms that count (padding does not).
        weight: how many terms that were. The loop divides; that is what makes uneven
            batches, accumulation and several processes come to the same gradient.
        carried: the state that the next piece of the same rows starts from, a nest of
            tensors in dicts, lists and tuples, or None. The loop detaches it.
    """

    total: Tensor
    weight: float
    carried: Any = None


class Objective(Protocol):
    """What is minimised."""

    def loss(
        self,
        model: nn.Module,
        batch: Any,
        *,
        carried: Any,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        """The loss of `batch`.

        Args:
            model: the model, in train or eval mode (`model.training` tells).
            batch: one batch or piece of it, on the model's device.
            carried: what the previous piece of the same rows handed back, detached; None
                where a sequence begins.
            forcing: probability of teacher forcing, 0 to 1.
            generator: a CPU generator for random choices, part of every checkpoint.
        """
        ...


class Checkpoints(Protocol):
    """Where training keeps what it needs to go on after a kill.

    Attributes:
        notes: what `load` met that a person should hear of, such as a damaged file.
    """

    notes: list[str]

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest intact checkpoint, or None; records made after it are dropped."""
        ...

    def save(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Store one atomically, together with the number of records so far."""
        ...

    def record(self, values: Mapping[str, Any]) -> None:
        """Append one line of metrics."""
        ...

    def how_to_continue(self) -> str:
        """A sentence for the person who stops: where it is kept and how to go on."""
        ...
