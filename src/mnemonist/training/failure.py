"""What happens when a loss or gradient is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from torch import Tensor

from mnemonist.errors import NonFiniteLossError
from mnemonist.training.config import TrainingConfig
from mnemonist.training.nest import own
from mnemonist.training.nonfinite import find_first_nonfinite
from mnemonist.training.rng import RngState

if TYPE_CHECKING:
    from mnemonist.training.loop import Training

__all__ = ["Before", "advice", "fail"]


class Before:
    """What an update changes before it is known to be sound."""

    def __init__(self, training: Training) -> None:
        self.rng = RngState(training.device, training.generator, torch_only=True)
        self.buffers = [buffer.detach().clone() for buffer in training.model.buffers()]

    def restore(self, training: Training) -> None:
        """Undo it."""
        self.rng.restore(training.generator)
        for buffer, value in zip(training.model.buffers(), self.buffers, strict=True):
            buffer.detach().copy_(value)


def fail(training: Training, what: str, before: Before, pieces: list[Any]) -> NoReturn:
    """Leave the state as it was before this update, save it, and say where it went wrong."""
    training.optimizer.zero_grad(set_to_none=True)
    before.restore(training)
    saved = training.save()
    found = training.world.gather((_first_in(training, pieces) or "").encode())
    first = next((text.decode() for text in found if text), "a sum of values that are finite")
    before.restore(training)
    at, norms = training.position, ", ".join(f"{norm:.3g}" for norm in training.recent_norms)
    message = (
        f"Training stopped in epoch {at.epoch + 1}, batch {at.index + 1}: {what}. "
        f"First not finite: {first}. Learning rate {training.sums.rate:.3g}; gradient norms "
        f"before: {norms or 'none yet'}. {advice(training.config)}"
    )
    if saved and training.checkpoints:
        kept = training.checkpoints.how_to_continue()
        message += f" The weights before this batch are kept. {kept}"
    raise NonFiniteLossError(message)


def advice(config: TrainingConfig) -> str:
    """What to try."""
    tries = [f"a lower learning_rate (say {config.learning_rate / 10:.3g})"]
    if config.clip_norm is None:
        tries.append("clip_norm = 1")
    elif config.clip_norm > 0.1:
        tries.append(f"a smaller clip_norm than {config.clip_norm:g}")
    if config.precision != "float32":
        tries.append("precision float32")
    return f"Try {', '.join(tries)}, and check the data for outliers and its scaling."


def _first_in(training: Training, pieces: list[Any]) -> str | None:
    """What was not finite first when the update is computed again."""
    fresh: list[Any] = []
    for place, piece in enumerate(pieces):
        given = training.carried_into(place, fresh)
        share = None if piece is None else training.share(training.train, piece)
        if share is None:
            fresh.append(None)
            continue

        def total(share: Any = share, given: Any = given) -> Tensor:
            result = training.loss(share, given, training.sums.forcing, training.generator)
            fresh.append(own(result.carried))
            return training.scaler.scale(result.total)

        first = find_first_nonfinite(training.model, share, total)
        if first is not None:
            return first
    return None
