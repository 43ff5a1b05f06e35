"""What stands in the way of a good forecast: the audit before training, and on its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, by_severity, some
from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.load import inspect_series
from mnemonist.data.series.model import Series, SeriesSet

__all__ = ["audit", "check_series"]

_COPY = 1 - 1e-9
_OUTLIER = 8.0
_FEW_WINDOWS = 50


def check_series(
    source: str | Path | pd.DataFrame,
    config: SeriesConfig | None = None,
    *,
    window: int = 1,
    horizon: int = 1,
    valid: float | int = 0.15,
    test: float | int = 0.2,
) -> list[Finding]:
    """Everything to know about a file before a network is trained on it.

    Args:
        source, config: as `load_series` takes them.
        window, horizon, valid, test: the training that is planned; they decide how many rows
            are enough.

    Returns:
        Findings, the fatal ones first; `load_series` raises exactly the fatal ones of reading.

    Raises:
        DataError: the file cannot be read as a table at all.

    >>> frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=9), "sold": [1.0] * 9})
    >>> [finding.code for finding in check_series(frame, window=5, horizon=3)]
    ['constant-series', 'too-few-rows', 'note', 'note']
    """
    data, findings = inspect_series(source, config)
    findings = list(findings)
    if data is not None:
        findings += audit(data, window=window, horizon=horizon, valid=valid, test=test)
        findings += [Finding("note", "note", note, data.name) for note in data.notes]
    return by_severity(findings)


def audit(
    data: SeriesSet, *, window: int, horizon: int, valid: float | int, test: float | int
) -> list[Finding]:
    """The findings about series that could be read."""
    findings: list[Finding] = []
    for one in data.series:
        findings += _constant(data, one)
        findings += _leaks(data, one, horizon)
        findings += _outliers(data, one)
    findings += _too_few(data, window, horizon, valid, test)
    return findings


def _constant(data: SeriesSet, one: Series) -> Iterator[Finding]:
    if np.ptp(one.target) == 0:
        yield Finding(
            "fatal",
            "constant-series",
            f"{one.label}: '{data.target_name}' is {one.target[0]:g} in all {len(one)} rows",
            data.name,
            _line(one, 0),
            remedy="name another target, or leave this series out; a constant needs no forecast",
        )
    for names, values in ((data.unknown_names, one.unknown), (data.known_names, one.known)):
        for column, name in enumerate(names):
            if np.ptp(values[:, column]) == 0:
                yield Finding(
                    "warning",
                    "constant-covariate",
                    f"{one.label}: the covariate '{name}' never changes",
                    data.name,
                    _line(one, 0),
                    remedy="leave it out; it tells the network nothing",
                )


def _leaks(data: SeriesSet, one: Series, horizon: int) -> Iterator[Finding]:
    """Covariates that are the target itself, at a time when it is not known yet.

    A known covariate equal to the target k steps earlier shows the future for k < horizon; an
    unknown one shows it where it runs ahead of the target.
    """
    if np.ptp(one.target) == 0:
        return
    reach = min(horizon, len(one) // 4)
    for role, names, values in (
        ("known", data.known_names, one.known),
        ("unknown", data.unknown_names, one.unknown),
    ):
        lags = range(-reach, reach) if role == "known" else range(-reach, 1)
        for column, name in enumerate(names):
            lag = _copy_lag(one.target, values[:, column], lags)
            if lag is None:
                continue
            where = "at the same step" if lag == 0 else f"{abs(lag)} steps"
            where += "" if lag == 0 else (" later" if lag > 0 else " earlier")
            harmless = role == "unknown" and lag == 0
            yield Finding(
                "warning" if harmless else "fatal",
                "covariate-equals-target" if harmless else "leakage",
                f"{one.label}: the {role} covariate '{name}' equals the target '{data.target_name}' "
                f"{where} (correlation 1)"
                + ("" if harmless else ", so it shows what is to be forecast"),
                data.name,
                _line(one, 0),
                remedy="leave it out",
            )


def _copy_lag(target: np.ndarray, covariate: np.ndarray, lags: range) -> int | None:
    """The lag k at which covariate[t] is a linear function of target[t - k], or None."""
    if np.ptp(covariate) == 0:
        return None
    for lag in sorted(lags, key=abs):
        shift = abs(lag)
        left = target[shift:] if lag < 0 else target[: len(target) - shift]
        right = covariate[: len(covariate) - shift] if lag < 0 else covariate[shift:]
        if len(left) < 8 or np.ptp(left) == 0 or np.ptp(right) == 0:
            continue
        if abs(np.corrcoef(left, right)[0, 1]) >= _COPY:
            return lag
    return None


def _outliers(data: SeriesSet, one: Series) -> Iterator[Finding]:
    """Values far from the median of their neighbours, in units of the usual distance."""
    if len(one) < 20:
        return
    around = pd.Series(one.target).rolling(11, center=True, min_periods=1).median().to_numpy()
    distance = np.abs(one.target - around)
    usual = np.median(distance[distance > 0]) if (distance > 0).any() else 0.0
    spread = np.std(one.target)
    far = np.flatnonzero((distance > 3 * _OUTLIER * usual) & (distance > 3 * spread))
    if len(far):
        lines = [_line(one, int(at)) or int(at) + 1 for at in far]
        yield Finding(
            "warning",
            "outliers",
            f"{one.label}: {len(far)} values of '{data.target_name}' stand far from their "
            f"neighbours: {some((f'{one.target[at]:g}' for at in far), len(far))} (lines "
            f"{some(lines, len(lines))})",
            data.name,
            lines[0],
            tuple(lines[:10]),
            "see whether they are errors; they also stretch a minmax scale",
        )


def _too_few(
    data: SeriesSet, window: int, horizon: int, valid: float | int, test: float | int
) -> Iterator[Finding]:
    from mnemonist.data.series.splitting import split

    longest = max(data.series, key=len)
    count = len(longest)
    try:
        parts = split(data.with_series([longest]), valid, test)
        sizes = [stop - start for (start, stop) in (*parts.train, *parts.valid, *parts.test)]
    except ValueError:
        sizes = [0, 0, 0]
    needs = (window + horizon, horizon, horizon)
    wanted = [
        f"{name} has {size} and needs {need}"
        for name, size, need in zip(("training", "validation", "test"), sizes, needs, strict=True)
        if size < need
    ]
    if wanted:
        yield Finding(
            "fatal",
            "too-few-rows",
            f"{longest.label} has {count} rows, too few for window {window} + horizon {horizon}: "
            + "; ".join(wanted),
            data.name,
            remedy="use a shorter window or horizon, larger shares, or more data",
        )
        return
    windows = sum(max(0, len(one) - window - horizon + 1) for one in data.series)
    if windows < _FEW_WINDOWS:
        yield Finding(
            "warning",
            "few-windows",
            f"all rows together make {windows} windows of {window} + {horizon}: a network learns "
            "little from so few, and what is measured on their last part is mostly chance",
            data.name,
            remedy="trust the baselines, or bring more data",
        )


def _line(one: Series, at: int) -> int | None:
    return int(one.lines[at]) or None if one.lines is not None else None
