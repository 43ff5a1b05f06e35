"""The seasonal period of a series: proposed by its frequency, confirmed by its autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mnemonist.data.series.frequency import parse_frequency

__all__ = ["autocorrelation", "infer_season", "infer_seasons", "season_candidates"]

_CONFIRMED = 0.3
_ADDS = 0.03
_PERIODS = 2.5
_PER = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_YEAR = 365.2425 * 86400


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """r_k = Σ (y_t - ȳ)(y_{t+k} - ȳ) / Σ (y_t - ȳ)², k = 0..lags (Box & Jenkins 1970).

    Args:
        values: (N,), finite.
        lags: the largest lag, below N.

    Returns:
        (lags + 1,), the first 1; zeros after it for a constant series.

    >>> autocorrelation(np.array([1.0, -1, 1, -1]), 2).tolist()
    [1.0, -0.75, 0.5]
    """
    centred = np.asarray(values, dtype=float) - np.mean(values)
    count = len(centred)
    lags = min(lags, count - 1)
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[: lags + 1]
    if products[0] <= 1e-300 or np.ptp(centred) == 0:
        return np.r_[1.0, np.zeros(lags)]
    return products / products[0]


def season_candidates(frequency: str | None) -> list[int]:
    """Periods in steps that a frequency suggests, the likeliest first.

    >>> season_candidates("30min"), season_candidates("W-FRI"), season_candidates("MS")
    ([48, 336], [52], [12])
    """
    if frequency is None or frequency.replace(".", "").isdigit():
        return []
    offset = parse_frequency(frequency)
    name, n = offset.rule_code.split("-")[0].lstrip("0123456789"), offset.n
    fixed = {
        "B": [5, 261],
        "W": [52 // n],
        "MS": [12 // n],
        "ME": [12 // n],
        "QS": [4 // n],
        "QE": [4 // n],
        "YS": [],
        "YE": [],
    }
    if name in fixed:
        return [period for period in fixed[name] if period > 1]
    seconds = _seconds(frequency)
    spans: Sequence[float] = (_PER["day"], _PER["week"], _YEAR)
    if seconds < _PER["minute"]:
        spans = (_PER["minute"], _PER["hour"], _PER["day"])
    elif seconds < _PER["hour"] / 12:
        spans = (_PER["hour"], _PER["day"], _PER["week"])
    periods = [round(span / seconds) for span in spans]
    limit = 366 if seconds >= _PER["day"] else 2016
    return [period for period in periods if 1 < period <= limit]


def infer_seasons(values: np.ndarray, frequency: str | None) -> tuple[int, ...]:
    """The seasonal periods in steps, the likeliest first; none where the data shows none.

    A candidate m of the frequency is confirmed where, with a centred moving average of about
    m steps taken out, the autocorrelation at m is a local peak above 0.3, more for few
    periods. Where no candidate is confirmed, the first such peak after the autocorrelation's
    first trough is taken.

    Args:
        values: (N,), finite; at least two and a half periods are needed.
        frequency: as `infer_frequency` gives it.

    >>> steps = np.arange(480)
    >>> infer_seasons(np.sin(2 * np.pi * steps / 48) + 0.01 * steps, "30min")
    (48,)
    """
    values = np.asarray(values, dtype=float)[-20_000:]
    confirmed: list[int] = []
    for period in season_candidates(frequency):
        enough = len(values) >= _PERIODS * period
        more = enough and all(_adds(values, period, shorter) for shorter in confirmed)
        if more and _confirmed(values, period):
            confirmed.append(period)
    if confirmed:
        return tuple(confirmed)
    found = _search(values)
    return () if found is None else (found,)


def infer_season(values: np.ndarray, frequency: str | None) -> int | None:
    """The first of `infer_seasons`, None where there is none.

    >>> infer_season(np.tile([1.0, 5.0, 2.0, 8.0], 30), "QS-JAN")
    4
    """
    return next(iter(infer_seasons(values, frequency)), None)


def _confirmed(values: np.ndarray, period: int) -> bool:
    detrended = values - _moving_average(values, period)
    correlation = autocorrelation(detrended, 2 * period)
    near = max(1, period // 10)
    around = correlation[max(1, period - near) : period + near + 1]
    valley = correlation[1 : max(2, period)].min()
    peak = float(around.max())
    edge = max(around[0], around[-1])
    at_edge = period > 4 and peak <= edge and len(around) > 2
    # With few periods a random walk makes such peaks too (measured: 5 in 60 at 0.3).
    needed = max(_CONFIRMED, 1.25 / np.sqrt(len(values) / period))
    return peak > needed and not at_edge and peak - valley > 0.15


def _adds(values: np.ndarray, period: int, shorter: int) -> bool:
    """Whether a longer season says more than repeating the shorter one would."""
    correlation = autocorrelation(values - _moving_average(values, period), period)
    return bool(correlation[period] > correlation[shorter] + _ADDS)


def _search(values: np.ndarray) -> int | None:
    """The first clear peak of the autocorrelation beyond its first trough, twice over."""
    count = len(values)
    if count < 24:
        return None
    trend = np.polyval(np.polyfit(np.arange(count), values, 1), np.arange(count))
    correlation = autocorrelation(values - trend, min(count // 3, 2000))
    below = np.flatnonzero(correlation < 0)
    if not len(below):
        return None
    start = int(below[0])
    after = correlation[start:]
    # The noise of a long series makes tiny peaks; a smoothing of a sixth of the first
    # half-period leaves the seasonal ones.
    smooth = _moving_average(after, max(1, start // 3) | 1)
    inner = smooth[1:-1]
    peaks = np.flatnonzero((inner >= smooth[:-2]) & (inner > smooth[2:])) + 1
    for peak in peaks:
        if smooth[peak] < 0.15:
            continue
        low = max(0, int(peak) - start // 2 - 1)
        period = start + low + int(np.argmax(after[low : peak + start // 2 + 2]))
        again = correlation[2 * period - period // 4 : 2 * period + period // 4 + 1]
        if correlation[period] > 0.25 and len(again) and again.max() > 0.1:
            return period
    return None


def _moving_average(values: np.ndarray, width: int) -> np.ndarray:
    """Centred, the window cut off at the ends."""
    width = max(1, min(width, len(values)))
    padded = np.r_[0.0, np.cumsum(values)]
    half = width // 2
    at = np.arange(len(values))
    low, high = np.maximum(0, at - half), np.minimum(len(values), at + width - half)
    return (padded[high] - padded[low]) / (high - low)


def _seconds(frequency: str) -> float:
    alias = frequency if frequency[0].isdigit() else f"1{frequency}"
    return pd.Timedelta(alias).total_seconds()
