"""Everything that can be chosen about a forecasting run, in one typed configuration.

Every option of ``mnemonist train forecast`` is a field here or in one of the two parts,
`SeriesConfig` and `TrainingConfig`; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mnemonist.data.series.config import SeriesConfig
from mnemonist.tasks.common.config import CONFIG_FORMAT, NetworkConfig
from mnemonist.training.config import TeacherForcing, TrainingConfig

__all__ = ["ForecastConfig"]

_TRAINING = TrainingConfig(
    epochs=60,
    batch_size=64,
    learning_rate=3e-3,
    schedule="one_cycle",
    warmup_steps=0,
    patience=15,
    teacher_forcing=TeacherForcing(schedule="linear", slope=2e-3),
)


class ForecastConfig(NetworkConfig):
    """What a forecasting run does; None stands for "chosen from the data".

    The network's layers are those of `NetworkConfig`.

    >>> ForecastConfig(horizon=12).training.optimizer
    'adam'

    Attributes:
        format: the version of this configuration's layout.
        job: always "forecast".
        series: which columns mean what (`SeriesConfig`).
        horizon: steps to forecast; one season by default, at most 48, or 12 without one.
        window: past steps that the network reads; two seasons by default, one where they are
            long, 8 to 168.
        stride: train on every stride-th window; by default so that at most 20,000 are used.
        valid: share of each series, or number of steps, for early stopping and calibration.
        test: share, or number of steps, at the end for the results.
        scaling: of the target and covariates, fitted on the training part: to mean 0 and
            deviation 1 (standard), to [-1, 1] (minmax), standard of the logarithm (log), none.
        scale_per_series: scale each series on its own; by default where there are several.
        strategy: "direct": all steps ahead at once. "recursive": one step, fed back.
            "seq2seq": an encoder and a decoder that reads its own forecasts.
        attention: of the seq2seq decoder on the window.
        head: of the direct strategy. "linear": one map from the last state to all steps.
            "local": a small network, the same for every step ahead, that also reads what is
            known of that step (Wen et al. 2017); by default where something is known.
        linear: whether a linear path from the window's values to the centre of every step runs
            beside the network (Lai et al. 2018), started at the least-squares solution, so
            that the network learns what is not linear; by default for "direct" where there
            are fewer than 1,000 windows and no known covariates.
        head_size: width of the local head.
        anchor: what the network corrects: nothing, the last value, or the value one season
            before; by default whichever of the last two was nearer in the training part.
        centre: whether the network reads the target relative to the window's last value, so
            that a trend does not carry it out of what it has seen; by default where the
            anchor is the last value, or the level moves by a standard deviation or more.
        lags: steps back whose values the local head and decoders read for each step ahead;
            one season (and one week, where there is a day) by default.
        distribution: "quantiles", "student_t", or "point" (intervals from the errors on the
            validation part).
        levels: shares that the intervals shall hold.
        loss: of a point forecast: squared, absolute, or Huber's error.
        time_layers: hidden layers of the baseline that knows the time only.
        window_layers: hidden layers of the baseline on the same windows.
        training: the loop (`TrainingConfig`).
    """

    format: Literal["mnemonist.config/1"] = CONFIG_FORMAT
    job: Literal["forecast"] = "forecast"
    series: SeriesConfig = SeriesConfig()
    horizon: int | None = Field(default=None, ge=1)
    window: int | None = Field(default=None, ge=1)
    stride: int | None = Field(default=None, ge=1)
    valid: float | int = Field(default=0.15, gt=0)
    test: float | int = Field(default=0.2, gt=0)
    scaling: Literal["standard", "minmax", "log", "none"] = "standard"
    scale_per_series: bool | None = None
    strategy: Literal["direct", "recursive", "seq2seq"] = "direct"
    attention: Literal["additive", "dot", "general", "scaled"] | None = None
    head: Literal["linear", "local"] | None = None
    linear: bool | None = None
    head_size: int = Field(default=64, ge=1)
    anchor: Literal["none", "last", "season"] | None = None
    centre: bool | None = None
    lags: tuple[int, ...] | None = None
    distribution: Literal["point", "quantiles", "student_t"] = "quantiles"
    levels: tuple[float, ...] = (0.8, 0.95)
    loss: Literal["squared", "absolute", "huber"] = "squared"
    time_layers: tuple[int, ...] = (100, 50, 25)
    window_layers: tuple[int, ...] = (100,)
    training: TrainingConfig = _TRAINING

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.levels or any(not 0 < level < 1 for level in self.levels):
            raise ValueError(f"levels must lie between 0 and 1, at least one; got {self.levels}")
        if list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"levels must rise; got {self.levels}")
        if self.lags is not None and any(lag < 1 for lag in self.lags):
            raise ValueError(f"lags count steps back, from 1; got {self.lags}")
        if self.attention is not None and self.strategy != "seq2seq":
            raise ValueError("attention belongs to strategy 'seq2seq'")
        if self.head is not None and self.strategy != "direct":
            raise ValueError("head belongs to strategy 'direct'")
        if self.linear and self.strategy != "direct":
            raise ValueError("the linear path belongs to strategy 'direct'")
        if self.bidirectional and self.strategy == "recursive":
            raise ValueError(
                "the recursive strategy goes on from the last state, which a bidirectional "
                "network does not have: use 'direct' or 'seq2seq'"
            )
        return self
