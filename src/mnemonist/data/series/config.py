"""How a table is to be read as one or several series."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnemonist.data.limits import MAX_BYTES

__all__ = ["CalendarFeature", "SeriesConfig"]

CalendarFeature = Literal["hour", "weekday", "month", "yearday"]


class SeriesConfig(BaseModel):
    """Which columns mean what, and what may be done to the data.

    Args:
        target: the column to forecast; by default the last numeric column.
        time: the column of times; by default found by name and content.
        id: the column that tells several series apart.
        known: covariates known for the future (a calendar, a plan, a weather forecast).
        unknown: covariates known for the past only.
        calendar: sine and cosine of these, derived from the times, as known covariates.
        frequency: the step as a pandas alias ("30min", "D", "W-FRI", "MS"); by default inferred
            from the times.
        season: the seasonal period in steps, 1 for none; by default inferred from the step and
            the autocorrelation.
        fill: what to do about missing values and gaps in time. "none": refuse the file.
            "ffill": repeat the value before. "linear": interpolate. "drop": leave the rows
            out and count the rest as consecutive steps.
        sort: order the rows by time where the file does not.
        duplicates: what to do about rows of the same time: refuse, or keep the first, the
            last, or the mean.
        time_format: of the time column, as strptime has it ("%d.%m.%Y %H:%M").
        day_first: whether 03/04/2020 is the 3rd of April; by default decided from the data.
        encoding: of the file; by default detected (UTF-8, UTF-16, UTF-32, GBK).
        delimiter: between the columns; by default detected.
        decimal: the decimal sign; by default detected.
        max_bytes: a file larger than this is refused.

    >>> SeriesConfig(target="load", known=("temperature",)).fill
    'none'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str | None = None
    time: str | None = None
    id: str | None = None
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    calendar: tuple[CalendarFeature, ...] = ()
    frequency: str | None = None
    season: int | None = Field(default=None, ge=1)
    fill: Literal["none", "ffill", "linear", "drop"] = "none"
    sort: bool = False
    duplicates: Literal["error", "first", "last", "mean"] = "error"
    time_format: str | None = None
    day_first: bool | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    max_bytes: int = Field(default=MAX_BYTES, ge=1)

    @model_validator(mode="after")
    def _one_role_each(self) -> SeriesConfig:
        roles = [("target", self.target), ("time", self.time), ("id", self.id)]
        roles += [("known", name) for name in self.known]
        roles += [("unknown", name) for name in self.unknown]
        taken: dict[str, str] = {}
        for role, name in roles:
            if name is None:
                continue
            if name in taken:
                raise ValueError(
                    f"column '{name}' is given as {taken[name]} and as {role}; a column has one role"
                )
            taken[name] = role
        return self
