"""A learning rate found by trying them all once (Smith 2017)."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from mnemonist.errors import ConfigError
from mnemonist.training.batches import Batches
from mnemonist.training.config import TrainingConfig
from mnemonist.training.contract import Objective
from mnemonist.training.nest import detach, to_device
from mnemonist.training.optimizers import make_optimizer
from mnemonist.training.precision import resolve_device
from mnemonist.training.rng import RngState
from mnemonist.training.schedules import forcing_probability

__all__ = ["RateSearch", "find_learning_rate"]

_SMOOTHING = 0.9
_GIVE_UP = 4.0  # the loss is this many times its best: the rate is past useful


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    Attributes:
        rates: learning rates that were tried, rising.
        losses: the smoothed mean loss at each.
        suggestion: where the loss fell fastest against log(rate).
    """

    rates: list[float]
    losses: list[float]
    suggestion: float


def find_learning_rate(
    model: nn.Module,
    objective: Objective,
    train: Batches,
    config: TrainingConfig,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
) -> RateSearch:
    """Train a copy of `model` while the rate rises, and watch the loss (Smith 2017).

    The rate of update i is lowest · (highest / lowest)^(i / (steps - 1)). The search ends when
    the loss, smoothed exponentially, is four times its least. The model and the global random
    generators are left as they were.

    Raises:
        ConfigError: a range that does not rise, or a loss that is not finite from the start.

    >>> from mnemonist.training import LossResult, ShuffledBatches, seed_everything
    >>> class SquaredError:
    ...     def loss(self, model, batch, *, carried, forcing, generator):
    ...         error = (model(batch["x"]) - 2 * batch["x"]).square()
    ...         return LossResult(error.sum(), error.numel())
    >>> seed_everything(0)
    >>> found = find_learning_rate(nn.Linear(1, 1), SquaredError(), ShuffledBatches(
    ...     {"x": torch.linspace(-1, 1, 64)[:, None]}, 16), TrainingConfig(), steps=50)
    >>> 0.01 < found.suggestion < 1
    True
    """
    if not 0 < lowest < highest or steps < 5:
        raise ConfigError(
            f"a search needs 0 < lowest < highest and at least 5 steps; got {lowest}, {highest}, {steps}"
        )
    here = next((p.device for p in model.parameters()), torch.device("cpu"))
    device = resolve_device(config.device, here, 0)
    generator = torch.Generator().manual_seed(config.seed)
    before = RngState(device, generator)
    torch.manual_seed(config.seed)
    try:
        rates = [lowest * (highest / lowest) ** (i / (steps - 1)) for i in range(steps)]
        losses = _sweep(copy.deepcopy(model).to(device), objective, train, config, rates, generator)
    finally:
        before.restore(generator)
    if len(losses) < 5:
        raise ConfigError(
            f"the loss rises or is not finite from the lowest rate on ({lowest:g}): "
            "lower it, and check the data for values that are not finite"
        )
    return RateSearch(rates[: len(losses)], losses, _steepest(rates[: len(losses)], losses))


def _sweep(
    model: nn.Module,
    objective: Objective,
    train: Batches,
    config: TrainingConfig,
    rates: list[float],
    generator: torch.Generator,
) -> list[float]:
    device = next(model.parameters()).device
    optimizer = make_optimizer(model, config)
    forcing = forcing_probability(config.teacher_forcing, 0)
    model.train()
    losses: list[float] = []
    average, carried = 0.0, None
    for step, rate in enumerate(rates):
        epoch, index = divmod(step, len(train))
        if not train.continues(epoch, index):
            carried = None
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = to_device(train.batch(epoch, index), device)
        result = objective.loss(model, batch, carried=carried, forcing=forcing, generator=generator)
        carried = detach(result.carried)
        mean = result.total / max(result.weight, 1e-12)
        average = _SMOOTHING * average + (1 - _SMOOTHING) * float(mean.detach())
        smooth = average / (1 - _SMOOTHING ** (step + 1))
        if not math.isfinite(smooth) or (losses and smooth > _GIVE_UP * min(losses)):
            break
        losses.append(smooth)
        optimizer.zero_grad(set_to_none=True)
        mean.backward()
        if config.clip_norm is not None:
            clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
    return losses


def _steepest(rates: list[float], losses: list[float]) -> float:
    """Where the loss falls fastest over log(rate), before its minimum.

    The slope is that of a line through an eighth of the search, because the difference of two
    neighbours is mostly the difference of two batches.
    """
    half = max(2, len(losses) // 16)
    least = max(losses.index(min(losses)), half)
    centred = np.arange(-half, half + 1)
    slopes = {
        middle: float(centred @ np.array(losses[middle - half : middle + half + 1]))
        for middle in range(half, min(least + 1, len(losses) - half))
    }
    return rates[min(slopes, key=lambda middle: slopes[middle])]
