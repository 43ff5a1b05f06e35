"""What the configurations of jobs share: the network's options, files, flat names, errors.

Every option of ``mnemonist train JOB`` is a field of the job's configuration or of one of its
parts; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mnemonist.errors import ConfigError

if TYPE_CHECKING:
    from mnemonist.training.config import TrainingConfig

__all__ = [
    "CONFIG_FORMAT",
    "NetworkConfig",
    "configured",
    "nested",
    "option_names",
    "options_of",
    "parts_of",
    "read_config",
    "schema",
]

CONFIG_FORMAT: Literal["mnemonist.config/1"] = "mnemonist.config/1"

# Fields that are no options: they say which configuration this is.
_FIXED = ("format", "job")

C = TypeVar("C", bound=BaseModel)


class NetworkConfig(BaseModel):
    """The recurrent layers, as every job builds them.

    Attributes:
        cell: a cell by name, or module:Class for your own.
        hidden_size: units of each layer.
        num_layers: recurrent layers.
        bidirectional: whether sequences are read in both directions.
        cell_options: further arguments of the cell (--cell-options.leak 0.3).
        dropout: between layers, and before the head.
        connection: residual, highway or dense paths between layers.
        zoneout: probability of keeping a state's previous value (Krueger et al. 2017).
        variational_dropout: dropout with one mask a sequence (Gal & Ghahramani 2016).
        weight_dropout: dropout of recurrent weights (Merity et al. 2018).
        executor: which executor runs the cell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    if TYPE_CHECKING:
        # declared by each job, last, so that its options come last in files and in commands
        training: TrainingConfig


def configured(
    model: type[C],
    options: Mapping[str, Any] | None = None,
    base: Mapping[str, Any] | None = None,
) -> C:
    """The configuration of nested `options` over those of `base`, the rest at its default.

    >>> from mnemonist.tasks.forecast.config import ForecastConfig
    >>> found = configured(ForecastConfig, {"training": {"epochs": 3}}, {"cell": "gru"})
    >>> found.training.epochs, found.cell
    (3, 'gru')

    Raises:
        ConfigError: an unknown field, or a value that does not fit; the message names it.
    """
    # A part may have other defaults in this job than its class has; those alone, since a field that
    # is set is one that nobody chooses from the data.
    usual = {
        name: model.model_fields[name].default.model_dump(exclude_unset=True)
        for name in parts_of(model)
    }
    values = _merged(_merged(usual, base or {}), options or {})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        names = option_names(model)
        problems = "; ".join(_problem(one, names) for one in error.errors(include_url=False))
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


def nested(model: type[BaseModel], options: Mapping[str, Any]) -> dict[str, Any]:
    """Flat options by the names of their fields, each put into the part that it belongs to.

    >>> from mnemonist.tasks.forecast.config import ForecastConfig
    >>> nested(ForecastConfig, {"target": "load", "epochs": 5, "cell": "gru"})
    {'series': {'target': 'load'}, 'training': {'epochs': 5}, 'cell': 'gru'}

    Raises:
        ConfigError: no part has such a field; the nearest name is given.
    """
    homes = dict(_homes(model))
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name not in homes:
            raise ConfigError(f"there is no option {name!r}{_nearest(name, homes)}")
        part = homes[name]
        (found.setdefault(part, {}) if part else found)[name] = value
    return found


def parts_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The parts of a configuration that are configurations themselves, by their field."""
    return {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def option_names(model: type[BaseModel]) -> list[str]:
    """Every option by its flat name."""
    return [name for name, _ in _homes(model)]


def options_of(config: BaseModel) -> dict[str, Any]:
    """The flat options in which a configuration differs from the default.

    >>> from mnemonist.tasks.forecast.config import ForecastConfig
    >>> options_of(configured(ForecastConfig, {"cell": "gru", "training": {"epochs": 3}}))
    {'cell': 'gru', 'epochs': 3}
    """
    default = configured(type(config)).model_dump(mode="json")
    parts = parts_of(type(config))
    found: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json").items():
        inner = value if name in parts else {name: value}
        usual = default[name] if name in parts else default
        for key, one in inner.items():
            if isinstance(one, dict) and key == "teacher_forcing":
                changed = {k: v for k, v in one.items() if v != usual[key][k]}
                found |= {f"{key}.{k}": v for k, v in changed.items()}
            elif one != usual[key]:
                found[key] = one
    return found


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a job's configuration, its version as ``$id``.

    >>> from mnemonist.tasks.forecast.config import ForecastConfig
    >>> schema(ForecastConfig)["$id"]
    'mnemonist.config/1'
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": CONFIG_FORMAT,
        **model.model_json_schema(),
    }


def _homes(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Every option and the part that holds it: "" for the configuration itself."""
    parts = parts_of(model)
    for name in model.model_fields:
        if name not in _FIXED and name not in parts:
            yield name, ""
    for part, inner in parts.items():
        for name in inner.model_fields:
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


def _problem(error: Any, names: list[str]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"there is no field {where}{_nearest(name, names)}"
    return f"{where}: {message}, got {error['input']!r}" if where else message
