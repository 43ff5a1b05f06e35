"""The training loop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from time import perf_counter
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

from mnemonist.errors import ConfigError, NonFiniteLossError, TrainingInterrupted
from mnemonist.training.averaging import WeightAverage
from mnemonist.training.batches import Batches
from mnemonist.training.config import TrainingConfig
from mnemonist.training.contract import Checkpoints, LossResult, Objective
from mnemonist.training.distributed import World
from mnemonist.training.failure import Before, advice, fail
from mnemonist.training.history import EpochRecord, History
from mnemonist.training.nest import own, to_device
from mnemonist.training.nonfinite import all_finite
from mnemonist.training.optimizers import make_optimizer
from mnemonist.training.pace import Pace
from mnemonist.training.position import Position, Sums
from mnemonist.training.precision import autocast, grad_scaler, resolve_device
from mnemonist.training.progress import Progress, Silent
from mnemonist.training.rng import RngState, seed_everything
from mnemonist.training.schedules import RateSchedule, forcing_probability
from mnemonist.training.signals import StopSignals
from mnemonist.training.state import collect, restore, shared_checkpoint
from mnemonist.training.stopping import EarlyStopping

__all__ = ["fit"]


def fit(
    model: nn.Module,
    objective: Objective,
    train: Batches,
    valid: Batches | None,
    config: TrainingConfig,
    *,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> History:
    """Train `model` in place.

    At the end the model is in eval mode and, where there is validation data, has the weights
    of the epoch with the least validation loss, averaged or not (`config.averaging`). The global random generators are seeded from
    `config.seed`. With `checkpoints`, a training that was killed goes on where it was, to the
    same bits, and Ctrl-C or SIGTERM finish the batch, save and raise `TrainingInterrupted`.

    Under torchrun every process takes its share of the rows of every batch, and process 0
    alone writes; the result is that of one process with the same batches, to rounding.

    Args:
        model: any module that `objective` can use; moved to `config.device`.
        objective: the loss.
        train: what to train on; `config.accumulate` of its batches make one update.
        valid: what early stopping and the best weights are judged by.
        config: everything else.
        checkpoints: where to keep the state; a run folder's ``checkpoints``.
        progress: whom to tell; nobody by default.

    Returns:
        What happened in each epoch.

    Raises:
        NonFiniteLossError: the loss or gradient became infinite or not a number.
        TrainingInterrupted: a signal came, and the state is saved.
        ConfigError: settings, model or checkpoint that do not fit together.

    >>> from mnemonist.training import LossResult, ShuffledBatches
    >>> class SquaredError:
    ...     def loss(self, model, batch, *, carried, forcing, generator):
    ...         error = (model(batch["x"]) - batch["y"]).square()
    ...         return LossResult(error.sum(), error.numel())
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> history = fit(nn.Linear(1, 1), SquaredError(), ShuffledBatches({"x": x, "y": 3 * x}, 8),
    ...               None, TrainingConfig(epochs=20, learning_rate=0.1))
    >>> history.records[-1].train_loss < 1e-3
    True
    """
    with StopSignals(active=checkpoints is not None) as signals:
        training = Training(
            model, objective, train, valid, config, World(), signals, checkpoints, progress
        )
        try:
            return training.run()
        finally:
            training.progress.stop()


class Training:
    """One training: its parts, its position, and the steps of the loop."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        train: Batches,
        valid: Batches | None,
        config: TrainingConfig,
        world: World,
        signals: StopSignals,
        checkpoints: Checkpoints | None,
        progress: Progress | None,
    ) -> None:
        if len(train) == 0 or (valid is not None and len(valid) == 0):
            raise ConfigError("there is no batch to train or validate on: give at least one row")
        if config.patience is not None and valid is None:
            raise ConfigError(
                f"patience = {config.patience} needs validation data to watch: give some, or set "
                "patience to none"
            )
        if config.averaging == "triggered" and valid is None:
            raise ConfigError(
                "averaging that a validation loss triggers needs validation data: give some, or "
                "choose exponential averaging"
            )
        here = next((p.device for p in model.parameters()), torch.device("cpu"))
        self.device = resolve_device(config.device, here, world.local_rank)
        autocast(config.precision, self.device)
        world.join(self.device)
        self.model = model.to(self.device)
        self.objective, self.train, self.valid, self.config = objective, train, valid, config
        self.world, self.signals, self.checkpoints = world, signals, checkpoints
        self.progress: Progress = progress if progress and world.rank == 0 else Silent()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(model, config)
        self.schedule = RateSchedule(config)
        self.stopping = EarlyStopping(config.patience, config.min_delta)
        self.average = WeightAverage(model, config)
        self.scaler = grad_scaler(config.precision, self.device)
        self.generator = torch.Generator()
        self.history = History()
        self.position, self.sums = Position(), Sums()
        self.carried: list[Any] = []
        self.pace = Pace(config, len(train))
        self.recent_norms: deque[float] = deque(maxlen=5)

    def run(self) -> History:
        """Train to the end, from the newest checkpoint if there is one."""
        self._begin()
        self.pace.start()
        self.progress.start(self.pace.status(self.position, self.sums))
        while self.position.epoch < self.config.epochs and not self.history.stopped_early:
            self._train_epoch()
            self._end_epoch()
        if self.pace.unsaved:
            self.save()
        if self.stopping.best_weights:
            self.model.load_state_dict(self.stopping.best_weights)
        else:
            self.average.put_in()
        self.model.eval()
        return self.history

    def _begin(self) -> None:
        found = shared_checkpoint(self)
        for note in self.checkpoints.notes if self.checkpoints else ():
            self.progress.say(note)
        if found is not None:
            restore(self, *found)
            self.pace.begin_at(self.position)
            batch = f", batch {self.position.index + 1}" if self.position.index else ""
            self.progress.say(f"going on in epoch {self.position.epoch + 1}{batch}")
            return
        self.world.copy_from_first(self.model)
        (seed,) = np.random.SeedSequence((self.config.seed, self.world.rank)).generate_state(1)
        seed_everything(int(seed))
        self.generator.manual_seed(int(seed))

    def _train_epoch(self) -> None:
        self.model.train()
        self.pace.resume_clock()
        while self.position.index < len(self.train):
            for pieces, is_last in self._groups():
                self._update(pieces)
                self._advance(is_last)
                self._after_update()

    def _groups(self) -> Iterator[tuple[list[Any], bool]]:
        """The pieces that make the next updates: one of each batch of the group, or None."""
        at, bptt = self.position, self.config.bptt
        stop = min(at.index + self.config.accumulate, len(self.train))
        batches = [self.train.batch(at.epoch, index) for index in range(at.index, stop)]
        cut = [self.train.cut(batch, bptt) if bptt else [batch] for batch in batches]
        count = max(len(pieces) for pieces in cut)
        if count > 1 and any(self.train.continues(at.epoch, i) for i in range(at.index + 1, stop)):
            raise ConfigError(
                "batches that continue each other cannot be cut by bptt and accumulated at once: "
                "set accumulate = 1, or make the batches themselves shorter"
            )
        for piece in range(at.piece, count):
            yield [p[piece] if piece < len(p) else None for p in cut], piece == count - 1

    def _advance(self, is_last: bool) -> None:
        at = self.position
        at.piece += 1
        if is_last:
            at.index = min(at.index + self.config.accumulate, len(self.train))
            at.piece = 0
            if at.index == len(self.train) or not self.train.continues(at.epoch, at.index):
                self.carried = []

    def _after_update(self) -> None:
        self.pace.tick(self.sums, training=True)
        self._show()
        stop, save = self.world.any(self.signals.received is not None, self.pace.save_due())
        if stop:
            self._stop()
        if save:
            self.save()

    def _show(self) -> None:
        """Tell the watcher, a few times a second."""
        if self.pace.show_due():
            self.progress.update(self.pace.status(self.position, self.sums))

    def _end_epoch(self) -> None:
        epoch, valid_loss = self.position.epoch + 1, None
        if self.valid is not None:
            with self.average.in_use():
                valid_loss = self._validate(self.valid)
                self.stopping.epoch_ended(epoch, valid_loss, self.model)
        self.pace.tick(self.sums, training=False)
        sums = self.sums
        if sums.weight == 0:
            raise ConfigError(f"no term of the loss counted in epoch {epoch}: check the masks")
        record = EpochRecord(
            epoch=epoch,
            train_loss=sums.loss / sums.weight,
            valid_loss=valid_loss,
            learning_rate=sums.rate,
            forcing=sums.forcing,
            grad_norm=sums.norm / max(sums.norms, 1),
            grad_norm_max=sums.norm_max,
            updates=self.position.updates,
            seconds=sums.seconds,
            rows_per_second=sums.rows / sums.train_seconds if sums.train_seconds else 0.0,
        )
        self.history.records.append(record)
        self.schedule.epoch_ended(record.train_loss if valid_loss is None else valid_loss)
        if valid_loss is not None:
            self.history.best_epoch = self.stopping.best_epoch
            self.history.best_loss = self.stopping.best_loss
            self.history.stopped_early = self.stopping.exhausted and epoch < self.config.epochs
            if self.average.epoch_ended(self.history.column("valid_loss")):
                self.progress.say(f"averaging the weights from here on, the end of epoch {epoch}")
        if self.checkpoints is not None and self.world.rank == 0:
            self.checkpoints.record(record.to_dict())
        self.position = Position(epoch=epoch, updates=self.position.updates)
        self.sums = Sums()
        self.progress.epoch(record, self.stopping.best_epoch == epoch)
        stop, save = self.world.any(self.signals.received is not None, self.pace.epoch_save_due())
        if stop:
            self._stop()
        if save:
            self.save()

    def _update(self, pieces: list[Any]) -> None:
        at, sums, config = self.position, self.sums, self.config
        done = (at.epoch + at.index / len(self.train)) / config.epochs
        sums.rate = self.schedule.rate(update=at.updates, progress=done)
        sums.forcing = forcing_probability(config.teacher_forcing, at.updates)
        for group in self.optimizer.param_groups:
            group["lr"] = sums.rate
        before = Before(self)
        self.optimizer.zero_grad(set_to_none=True)
        loss, weight, rows, unit, carried = self._gradients(pieces)
        loss, weight, rows = self.world.sum([loss, weight, rows])
        if not math.isfinite(loss):
            fail(self, f"the loss is {loss}", before, pieces)
        if weight:
            self.world.sum_gradients(self.parameters, unit / weight)
            self._step(before, pieces)
        self.world.copy_buffers_from_first(self.model)
        self.carried = carried
        sums.loss += loss
        sums.weight += weight
        sums.rows += rows
        at.updates += 1

    def _gradients(self, pieces: list[Any]) -> tuple[float, float, float, float, list[Any]]:
        """Add up gradients of loss / unit; the unit is the terms of the first piece.

        Dividing by the terms of all pieces at once would need their number in advance; dividing
        by none could overflow float16.
        """
        loss = weight = rows = unit = 0.0
        carried: list[Any] = []
        for place, piece in enumerate(pieces):
            given = self.carried_into(place, carried)
            share = None if piece is None else self.share(self.train, piece)
            if share is None:
                carried.append(None)
                continue
            result = self.loss(share, given, self.sums.forcing, self.generator)
            carried.append(own(result.carried))
            value = float(result.total.detach())
            loss, weight = loss + value, weight + result.weight
            rows += self.train.rows(share)
            if not math.isfinite(value):
                break
            if result.weight:
                unit = unit or result.weight
                self.scaler.scale(result.total / unit).backward()
        return loss, weight, rows, unit, carried

    def carried_into(self, place: int, fresh: list[Any]) -> Any:
        """The state that the piece of the group's batch number `place` starts from."""
        at = self.position
        if at.piece > 0:
            return self.carried[place]
        if not self.train.continues(at.epoch, at.index + place):
            return None
        return fresh[-1] if fresh else (self.carried or [None])[-1]

    def _step(self, before: Before, pieces: list[Any]) -> None:
        """Check and clip the gradient, and move the weights."""
        sums, config = self.sums, self.config
        self.scaler.unscale_(self.optimizer)
        norm = self._grad_norm()
        value = float(norm)
        if not math.isfinite(value):
            # In float16 an overflow now and then is how the scaler finds its scale.
            if not self.scaler.is_enabled() or self.scaler.get_scale() < 1:
                fail(self, f"the norm of the gradient is {value}", before, pieces)
        else:
            self.recent_norms.append(value)
            sums.norm += value
            sums.norm_max = max(sums.norm_max, value)
            sums.norms += 1
        if config.clip_value is not None:
            clip_grad_value_(self.parameters, config.clip_value)
            norm = self._grad_norm()
        if config.clip_norm is not None:
            clip_grads_with_norm_(self.parameters, config.clip_norm, norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.updated()

    def _grad_norm(self) -> Tensor:
        return get_total_norm([p.grad for p in self.parameters if p.grad is not None])

    def share(self, batches: Batches, batch: Any) -> Any:
        return batches.share(batch, self.world.rank, self.world.size)

    def loss(
        self, batch: Any, carried: Any, forcing: float, generator: torch.Generator
    ) -> LossResult:
        batch = to_device(batch, self.device)
        with autocast(self.config.precision, self.device):
            result = self.objective.loss(
                self.model, batch, carried=carried, forcing=forcing, generator=generator
            )
        if result.total.dim() != 0 or not 0 <= result.weight < math.inf:
            raise ConfigError(
                f"{type(self.objective).__name__}.loss must return a scalar sum and how many terms "
                f"it has; got a total of shape {tuple(result.total.shape)} and {result.weight} terms"
            )
        if self.model.training and result.weight and not result.total.requires_grad:
            raise ConfigError(
                f"the loss of {type(self.objective).__name__} does not depend on a trainable "
                "parameter: return the tensor itself, not .item() or .detach()"
            )
        return result

    def _validate(self, valid: Batches) -> float:
        config, before = self.config, RngState(self.device, self.generator)
        generator = torch.Generator().manual_seed(config.seed)
        loss = weight = 0.0
        carried: Any = None
        self.model.eval()
        with torch.no_grad():
            for index in range(len(valid)):
                batch = valid.batch(0, index)
                if not valid.continues(0, index):
                    carried = None
                for piece in valid.cut(batch, config.bptt) if config.bptt else [batch]:
                    share = self.share(valid, piece)
                    if share is not None:
                        result = self.loss(
                            share, carried, config.teacher_forcing.validation, generator
                        )
                        carried = result.carried
                        loss, weight = loss + float(result.total), weight + result.weight
                self._show()
                if any(self.world.any(self.signals.received is not None)):
                    self._stop(before)
        loss, weight = self.world.sum([loss, weight])
        if weight == 0:
            raise ConfigError("no term of the validation loss counted: check the validation data")
        if not math.isfinite(loss):
            best = self.history.best_epoch
            kept = f" The best weights so far are those of epoch {best}." if best else ""
            raise NonFiniteLossError(
                f"The validation loss after epoch {self.position.epoch + 1} is {loss}, the training "
                f"loss was {self.sums.mean_loss:.4g}.{kept} {advice(self.config)}"
            )
        return loss / weight

    def save(self, rng: RngState | None = None) -> bool:
        """Store a checkpoint, but never one with weights that are not finite."""
        if self.checkpoints is None:
            return False
        self.pace.tick(self.sums, training=True)
        started = perf_counter()
        finite = not any(self.world.any(not all_finite(self.model)))
        if finite:
            tensors, meta = collect(self, rng)
            if self.world.rank == 0:
                self.checkpoints.save(tensors, meta)
        self.pace.saved(perf_counter() - started)
        return finite

    def _stop(self, rng: RngState | None = None) -> NoReturn:
        self.save(rng)
        received = self.signals.received
        at, config = self.position, self.config
        name = "another process" if received is None else received.name
        name = "Ctrl-C" if name == "SIGINT" else name
        where = (
            f"before batch {at.index + 1} of {len(self.train)}"
            if at.index < len(self.train)
            else "at its end"
        )
        kept = self.checkpoints.how_to_continue() if self.checkpoints else ""
        raise TrainingInterrupted(
            f"Stopped by {name} in epoch {min(at.epoch + 1, config.epochs)} of {config.epochs}, "
            f"{where}; the state is saved. {kept}".strip(),
            signal=2 if received is None else int(received),
        )
