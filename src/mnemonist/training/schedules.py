"""Learning rates and teacher-forcing probabilities as they change during training."""

from __future__ import annotations

import math
from typing import Any

from mnemonist.training.config import TeacherForcing, TrainingConfig

__all__ = ["RateSchedule", "forcing_probability"]

_ONE_CYCLE_START = 25.0  # the first rate is 1/25 of the highest, which comes after 30 % of
_ONE_CYCLE_RISE = 0.3  # the updates: the choice of Smith & Topin and of torch's OneCycleLR


class RateSchedule:
    """The learning rate at every update.

    With p the part of training that is done, 0 to 1, and r the configured rate:

        constant   r
        step       r · factor^⌊epoch / decay_epochs⌋
        cosine     r_end + (r - r_end) (1 + cos πp) / 2                (Loshchilov & Hutter 2017)
        one_cycle  cosine from r/25 to r at p = 0.3, cosine to r_end   (Smith & Topin 2018)
        plateau    r · factor^(number of plateaus met)

    and warm-up multiplies by (i + 1) / warmup_steps at its updates i.

    >>> schedule = RateSchedule(TrainingConfig(schedule="cosine", learning_rate=0.1, epochs=10))
    >>> [round(schedule.rate(update=0, progress=p), 3) for p in (0, 0.5, 1)]
    [0.1, 0.05, 0.0]
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self._best = math.inf
        self._epochs_without = 0
        self._plateaus = 0

    def rate(self, *, update: int, progress: float) -> float:
        """The rate for an update (counted from 0) when a part `progress` of training is done."""
        config, rate = self.config, self.config.learning_rate
        last = rate * config.final_fraction
        match config.schedule:
            case "step":
                # The small term keeps epoch boundaries where they belong under rounding.
                epoch = math.floor(progress * config.epochs + 1e-9)
                rate *= config.decay_factor ** (epoch // config.decay_epochs)
            case "cosine":
                rate = _cosine(rate, last, progress)
            case "one_cycle" if progress < _ONE_CYCLE_RISE:
                rate = _cosine(rate / _ONE_CYCLE_START, rate, progress / _ONE_CYCLE_RISE)
            case "one_cycle":
                rate = _cosine(rate, last, (progress - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))
            case "plateau":
                rate *= config.decay_factor**self._plateaus
        if update < config.warmup_steps:
            rate *= (update + 1) / config.warmup_steps
        return rate

    def epoch_ended(self, loss: float) -> None:
        """Tell the schedule an epoch's loss (validation where there is one)."""
        if loss < self._best:
            self._best, self._epochs_without = loss, 0
            return
        self._epochs_without += 1
        if self._epochs_without >= self.config.decay_epochs:
            self._plateaus, self._epochs_without = self._plateaus + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        best = None if math.isinf(self._best) else self._best
        return {"best": best, "without": self._epochs_without, "plateaus": self._plateaus}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self._best = math.inf if state["best"] is None else state["best"]
        self._epochs_without, self._plateaus = state["without"], state["plateaus"]


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2


def forcing_probability(config: TeacherForcing, update: int) -> float:
    """ε_i of Bengio et al. (2015) at update i; the formulas are in `TeacherForcing`.

    >>> forcing_probability(TeacherForcing(schedule="linear", slope=0.01), 25)
    0.75
    """
    match config.schedule:
        case "always":
            return 1.0
        case "never":
            return 0.0
        case "linear":
            value = (1.0 if config.k is None else config.k) - config.slope * update
        case "exponential":
            value = (0.9995 if config.k is None else config.k) ** update
        case "inverse_sigmoid":
            k = 500.0 if config.k is None else config.k
            value = k / (k + math.exp(min(update / k, 700.0)))
    return min(1.0, max(config.floor, value))
