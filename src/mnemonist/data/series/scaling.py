"""Scaling to numbers that networks like, fitted on the training part, inverted in every output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from mnemonist.data.series.model import Series, SeriesSet
from mnemonist.data.series.splitting import Split
from mnemonist.errors import ConfigError, DataError

__all__ = ["Scaler", "ScalerKind", "SeriesScaler"]

ScalerKind = Literal["minmax", "standard", "log", "none"]
_GLOBAL = ""


class Scaler:
    """z = (g(y) - shift) / scale, column by column.

    "minmax": g(y) = y, the fitted range goes to [-1, 1]. "standard": the fitted mean goes to
    0 and the standard deviation to 1. "log": g = ln, then as "standard"; values must be
    positive. "none": z = y. A constant column keeps the scale 1.

    Args:
        kind: which of these.
        per_series: fit each series on its own, instead of all together.

    >>> scaler = Scaler("minmax").fit([np.array([2.0, 4.0, 6.0])])
    >>> scaler.transform(np.array([2.0, 5.0])).tolist()
    [-1.0, 0.5]
    >>> scaler.inverse(np.array([-1.0, 0.5])).tolist()
    [2.0, 5.0]
    """

    def __init__(self, kind: ScalerKind = "minmax", *, per_series: bool = False) -> None:
        if kind not in get_args(ScalerKind):
            raise ConfigError(f"scaler {kind!r}: one of {', '.join(get_args(ScalerKind))}.")
        self.kind: ScalerKind = kind
        self.per_series = per_series
        self._fitted: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def fit(
        self, values: Sequence[np.ndarray], ids: Sequence[str] | None = None, name: str = "values"
    ) -> Scaler:
        """Take shift and scale from the arrays (N,) or (N, F), one for each series.

        Raises:
            DataError: "log" with values that are not positive; `name` names the column.
        """
        ids = list(ids) if ids is not None else [str(k) for k in range(len(values))]
        if self.per_series:
            groups = dict(zip(ids, ([one] for one in values), strict=True))
        else:
            groups = {_GLOBAL: list(values)}
        for key, arrays in groups.items():
            together = np.concatenate([np.asarray(one, dtype=float) for one in arrays])
            self._fitted[key] = self._statistics(self._forward(together, name))
        return self

    def transform(self, values: np.ndarray, id: str | Sequence[str] = _GLOBAL) -> np.ndarray:
        """The scaled values; `id` is the series, or one for each row of `values`."""
        shift, scale = self._parameters(id, values)
        return (self._forward(np.asarray(values, dtype=float), "values") - shift) / scale

    def inverse(self, values: np.ndarray, id: str | Sequence[str] = _GLOBAL) -> np.ndarray:
        """The values in their own units again."""
        shift, scale = self._parameters(id, values)
        plain = np.asarray(values, dtype=float) * scale + shift
        return np.exp(plain) if self.kind == "log" else plain

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_dict` makes an equal scaler."""
        return {
            "kind": self.kind,
            "per_series": self.per_series,
            "fitted": {
                key: {"shift": shift.tolist(), "scale": scale.tolist()}
                for key, (shift, scale) in self._fitted.items()
            },
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Scaler:
        """The scaler that `to_dict` described.

        >>> scaler = Scaler("log").fit([np.array([1.0, 10.0])])
        >>> Scaler.from_dict(scaler.to_dict()).to_dict() == scaler.to_dict()
        True
        """
        scaler = cls(state["kind"], per_series=state["per_series"])
        scaler._fitted = {
            key: (np.asarray(one["shift"], dtype=float), np.asarray(one["scale"], dtype=float))
            for key, one in state["fitted"].items()
        }
        return scaler

    def _forward(self, values: np.ndarray, name: str) -> np.ndarray:
        if self.kind != "log":
            return values
        if (values <= 0).any():
            raise DataError(
                f"the scaler 'log' needs positive values; the smallest of {name} is "
                f"{np.nanmin(values):g}. Use 'minmax' or 'standard'."
            )
        return np.log(values)

    def _statistics(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        width = values.shape[1:]
        if self.kind == "none" or not len(values) or 0 in width:
            return np.zeros(width), np.ones(width)
        if self.kind == "minmax":
            low, high = values.min(axis=0), values.max(axis=0)
            shift, scale = low + (high - low) / 2, (high - low) / 2
        else:
            shift, scale = values.mean(axis=0), values.std(axis=0)
        return np.asarray(shift), np.where(scale > 0, scale, 1.0)

    def _parameters(
        self, id: str | Sequence[str], values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if not self._fitted:
            raise ConfigError("the scaler is not fitted; call fit with the training part first.")
        if not self.per_series:
            return self._fitted[_GLOBAL]
        if isinstance(id, str):
            return self._of(id)
        pairs = [self._of(one) for one in id]
        extra = (1,) * (np.ndim(values) - 1 - pairs[0][0].ndim) if pairs else ()
        shift, scale = (np.stack([pair[k] for pair in pairs]) for k in (0, 1))
        shape = (len(pairs), *extra, *shift.shape[1:])
        return shift.reshape(shape), scale.reshape(shape)

    def _of(self, id: str) -> tuple[np.ndarray, np.ndarray]:
        if id not in self._fitted:
            known = list(self._fitted)
            raise DataError(
                f"the scaler was fitted per series and has not seen the series {id!r} (it knows "
                f"{', '.join(known[:5])}{', ...' if len(known) > 5 else ''})."
            )
        return self._fitted[id]


class SeriesScaler:
    """Scalers for the target and the covariates of a series set.

    >>> data = SeriesSet.from_arrays(np.arange(1.0, 101.0))
    >>> from mnemonist.data.series.splitting import split
    >>> scaler = SeriesScaler.fit(split(data), target="minmax")
    >>> scaled = scaler.apply(data).series[0].target
    >>> scaled[0], scaled[64]
    (np.float64(-1.0), np.float64(1.0))
    >>> scaler.inverse(scaled)[-1]
    np.float64(100.0)
    """

    def __init__(self, target: Scaler, unknown: Scaler, known: Scaler) -> None:
        self.target, self.unknown, self.known = target, unknown, known

    @classmethod
    def fit(
        cls,
        parts: Split,
        *,
        target: ScalerKind = "minmax",
        covariates: ScalerKind = "minmax",
        per_series: bool = False,
    ) -> SeriesScaler:
        """Fit on the training parts of `parts` only."""
        data = parts.data
        ids = [one.id for one in data.series]

        def fitted(kind: ScalerKind, field: str, name: str) -> Scaler:
            arrays = parts.training_part(lambda one: getattr(one, field))
            return Scaler(kind, per_series=per_series).fit(arrays, ids, name)

        return cls(
            fitted(target, "target", f"'{data.target_name}'"),
            fitted(covariates, "unknown", f"the covariates {', '.join(data.unknown_names)}"),
            fitted(covariates, "known", f"the covariates {', '.join(data.known_names)}"),
        )

    def apply(self, data: SeriesSet) -> SeriesSet:
        """The same set with scaled arrays."""
        return data.with_series([self._one(series) for series in data.series])

    def _one(self, series: Series) -> Series:
        return replace(
            series,
            target=self.target.transform(series.target, series.id),
            unknown=self.unknown.transform(series.unknown, series.id),
            known=self.known.transform(series.known, series.id),
            future_known=self.known.transform(series.future_known, series.id),
        )

    def inverse(self, forecast: np.ndarray, id: str | Sequence[str] = _GLOBAL) -> np.ndarray:
        """Forecasts of the target, (n, ...), in its own units."""
        return self.target.inverse(forecast, id)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: getattr(self, name).to_dict() for name in ("target", "unknown", "known")}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> SeriesScaler:
        """The scaler that `to_dict` described."""
        return cls(*(Scaler.from_dict(state[name]) for name in ("target", "unknown", "known")))
