"""Everything that can be chosen about a forecasting run, in one typed configuration.

Every option of ``mnemonist train forecast`` is a field here or in one of the two parts,
`SeriesConfig` and `TrainingConfig`; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnemonist.data.series.config import SeriesConfig
from mnemonist.errors import ConfigError
from mnemonist.training.config import TeacherForcing, TrainingConfig

__all__ = [
    "CONFIG_FORMAT",
    "ForecastConfig",
    "configured",
    "nested",
    "option_names",
    "read_config",
    "schema",
]

CONFIG_FORMAT: Literal["mnemonist.config/1"] = "mnemonist.config/1"

_TRAINING = TrainingConfig(
    epochs=60,
    batch_size=64,
    learning_rate=3e-3,
    schedule="one_cycle",
    warmup_steps=0,
    patience=15,
    teacher_forcing=TeacherForcing(schedule="linear", slope=2e-3),
)


class ForecastConfig(BaseModel):
    """What a forecasting run does; None stands for "chosen from the data".

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
        cell: a cell by name, or module:Class for your own.
        hidden_size: units of each layer.
        num_layers: recurrent layers.
        bidirectional: whether the window is read in both directions.
        cell_options: further arguments of the cell (--cell-options.leak 0.3).
        dropout: between layers, and before the head.
        connection: residual, highway or dense paths between layers.
        zoneout: probability of keeping a state's previous value (Krueger et al. 2017).
        variational_dropout: dropout with one mask a sequence (Gal & Ghahramani 2016).
        weight_dropout: dropout of recurrent weights (Merity et al. 2018).
        executor: which executor runs the cell.
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

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    cell: str = "lstm"
    hidden_size: int = Field(default=32, ge=1)
    num_layers: int = Field(default=1, ge=1)
    bidirectional: bool = False
    cell_options: dict[str, Any] = {}
    dropout: float = Field(default=0.0, ge=0, lt=1)
    connection: Literal["residual", "highway", "dense"] | None = None
    zoneout: float = Field(default=0.0, ge=0, lt=1)
    variational_dropout: float = Field(default=0.0, ge=0, lt=1)
    weight_dropout: float = Field(default=0.0, ge=0, lt=1)
    executor: str = "auto"
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


def configured(
    options: Mapping[str, Any] | None = None, base: Mapping[str, Any] | None = None
) -> ForecastConfig:
    """The configuration of nested `options` over those of `base`, the rest at its default.

    >>> configured({"training": {"epochs": 3}}, {"cell": "gru"}).training.epochs
    3

    Raises:
        ConfigError: an unknown field, or a value that does not fit; the message names it.
    """
    values = _merged({"training": _TRAINING.model_dump()}, base or {})
    values = _merged(values, options or {})
    try:
        return ForecastConfig.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_problem(one) for one in error.errors(include_url=False))
        raise ConfigError(f"the configuration does not fit: {problems}") from error


def read_config(path: str | Path) -> dict[str, Any]:
    """The fields that a TOML file gives.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} is not TOML in UTF-8: {error}") from error


def nested(options: Mapping[str, Any]) -> dict[str, Any]:
    """Flat options by the names of their fields, each put into the part that it belongs to.

    >>> nested({"target": "load", "epochs": 5, "cell": "gru"})
    {'series': {'target': 'load'}, 'training': {'epochs': 5}, 'cell': 'gru'}

    Raises:
        ConfigError: no part has such a field; the nearest name is given.
    """
    homes = dict(_homes())
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name not in homes:
            raise ConfigError(f"there is no option {name!r}{_nearest(name, homes)}")
        part = homes[name]
        (found.setdefault(part, {}) if part else found)[name] = value
    return found


def schema() -> dict[str, Any]:
    """The JSON schema of the configuration, its version as ``$id``.

    >>> schema()["$id"]
    'mnemonist.config/1'
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": CONFIG_FORMAT,
        **ForecastConfig.model_json_schema(),
    }


def option_names() -> list[str]:
    """Every option by its flat name."""
    return [name for name, _ in _homes()]


def _homes() -> Iterator[tuple[str, str]]:
    """Every option and the part that holds it: "" for the configuration itself."""
    for name in ForecastConfig.model_fields:
        if name not in ("format", "job", "series", "training"):
            yield name, ""
    for part, model in (("series", SeriesConfig), ("training", TrainingConfig)):
        for name in model.model_fields:
            yield name, part


def _nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about a name that does not exist."""
    from difflib import get_close_matches

    known = list(names)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        there = merged.get(name)
        if isinstance(there, Mapping) and isinstance(value, Mapping) and name != "cell_options":
            value = _merged(there, value)
        merged[name] = value
    return merged


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"there is no field {where}{_nearest(name, option_names())}"
    return f"{where}: {message}, got {error['input']!r}" if where else message
