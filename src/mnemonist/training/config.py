"""What can be chosen about training, with defaults that suit a first run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["TeacherForcing", "TrainingConfig"]


class TeacherForcing(BaseModel):
    """How often a decoder sees the target instead of its own last output.

    ε_i is the probability at the i-th update (Bengio, Vinyals, Jaitly & Shazeer 2015):

        always           ε_i = 1
        never            ε_i = 0
        linear           ε_i = max(floor, k - slope · i)
        exponential      ε_i = max(floor, k^i),                  k < 1
        inverse_sigmoid  ε_i = max(floor, k / (k + exp(i / k))), k ≥ 1

    Attributes:
        schedule: which formula.
        k: the constant of the formula; 1 (linear), 0.9995 (exponential) or 500
            (inverse sigmoid) if not given.
        slope: what linear decay loses at every update.
        floor: the least probability.
        validation: the probability while the validation loss is computed. 0 measures the
            model as it will be used; 1 is customary for likelihoods.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedule: Literal["always", "never", "linear", "exponential", "inverse_sigmoid"] = "always"
    k: float | None = Field(default=None, gt=0)
    slope: float = Field(default=1e-4, ge=0)
    floor: float = Field(default=0.0, ge=0, le=1)
    validation: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _constant_fits(self) -> Self:
        if self.k is not None and self.schedule == "exponential" and self.k >= 1:
            raise ValueError(f"exponential decay k^i needs k below 1; got k = {self.k}")
        if self.k is not None and self.schedule == "inverse_sigmoid" and self.k < 1:
            raise ValueError(f"inverse sigmoid decay needs k of at least 1; got k = {self.k}")
        return self


class TrainingConfig(BaseModel):
    """Everything about the loop that can be chosen.

    Attributes:
        epochs: most passes over the training data.
        batch_size: rows of a batch.
        optimizer: "adam" (Kingma & Ba 2015), "adamw" (Loshchilov & Hutter 2019), "sgd"
            or "rmsprop".
        learning_rate: the rate, or the highest where a schedule moves it.
        momentum: of sgd and rmsprop.
        schedule: "constant"; "step": times `decay_factor` every `decay_epochs` epochs;
            "cosine" down to `final_fraction` of the rate (Loshchilov & Hutter 2017);
            "one_cycle" up and down again (Smith & Topin 2018); "plateau": times
            `decay_factor` after `decay_epochs` epochs without a better validation loss.
        warmup_steps: updates over which the rate rises linearly from 0.
        decay_epochs: of the schedules step and plateau.
        decay_factor: of the schedules step and plateau.
        final_fraction: the last rate of cosine and one_cycle, as a part of the highest.
        weight_decay: L2 penalty (adamw: decoupled), on weight matrices only.
        decay_vectors: whether biases, norms and other vectors decay as well.
        clip_norm: the largest norm of the whole gradient (Pascanu et al. 2013).
        clip_value: the largest absolute value of any of its elements.
        patience: epochs without a better validation loss before training stops.
        min_delta: the least change that counts as better for `patience`.
        accumulate: batches whose gradients make one update; k batches of b rows give
            what one batch of k·b rows would.
        precision: "float32" computes in the model's own dtype; "bfloat16" and "float16"
            use autocast, float16 with loss scaling (Micikevicius et al. 2018).
        averaging: "none" keeps the last weights; "exponential" validates with, and keeps, their
            exponential moving average; "triggered" the plain mean of the weights from the epoch
            on at which the validation loss stops falling (NT-ASGD, Merity et al. 2018).
        averaging_decay: of the exponential average, an update.
        averaging_patience: triggered once the loss is above the best of those more than so many
            epochs before.
        seed: of weights, order and masks.
        bptt: the most time steps that a gradient flows back through; all if not given.
        teacher_forcing: see `TeacherForcing`.
        checkpoint_every: seconds between checkpoints within an epoch.
        device: "cpu", "cuda", "cuda:1", ..., "auto" (a GPU if there is one); by default
            where the model is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=100, ge=1)
    batch_size: int = Field(default=32, ge=1)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    schedule: Literal["constant", "step", "cosine", "one_cycle", "plateau"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)
    decay_epochs: int = Field(default=10, ge=1)
    decay_factor: float = Field(default=0.5, gt=0, lt=1)
    final_fraction: float = Field(default=0.0, ge=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    decay_vectors: bool = False
    clip_norm: float | None = Field(default=1.0, gt=0)
    clip_value: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)
    min_delta: float = Field(default=0.0, ge=0)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    averaging: Literal["none", "exponential", "triggered"] = "none"
    averaging_decay: float = Field(default=0.999, ge=0, lt=1)
    averaging_patience: int = Field(default=5, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    bptt: int | None = Field(default=None, ge=1)
    teacher_forcing: TeacherForcing = TeacherForcing()
    checkpoint_every: float = Field(default=60.0, gt=0)
    device: str | None = None
