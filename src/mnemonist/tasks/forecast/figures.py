"""The drawings of a forecast's report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mnemonist.data.series import Series, SeriesSet
from mnemonist.runs.report_figures import (
    ACCENT,
    BAND,
    FAINT,
    INK,
    LINE,
    NAIVE,
    OTHERS,
    SOFT,
    drawing,
    plain_numbers,
    thin,
)
from mnemonist.tasks.forecast.batches import Layout
from mnemonist.tasks.forecast.predictor import Forecasts
from mnemonist.tasks.forecast.score import Evaluation

if TYPE_CHECKING:
    from mnemonist.data.series import Split

__all__ = [
    "ahead_figure",
    "by_horizon_figure",
    "data_figure",
    "forecast_figure",
    "residual_figure",
    "window_figure",
]

_PARTS = (("train", "training"), ("valid", "validation"), ("test", "test"))


def data_figure(data: SeriesSet, parts: Split, index: int = 0) -> str:
    """The whole series and where it is cut into training, validation and test."""
    one = data.series[index]
    with drawing("data", height=2.6) as d:
        ax = d.axes()
        keep = thin(len(one), 3000)
        ax.plot(_x(one)[keep], one.target[keep], color=INK, lw=0.9)
        for k, (part, label) in enumerate(_PARTS):
            start, stop = getattr(parts, part)[index]
            x = _x(one)[[start, stop - 1]]
            if k:
                ax.axvspan(x[0], x[1], color=BAND if k == 2 else LINE, alpha=0.35, lw=0)
                ax.axvline(x[0], color=FAINT, lw=0.8, ls=(0, (3, 2)))
            ax.annotate(
                f"{label}, {stop - start:,}",
                (x[0], 1),
                xycoords=("data", "axes fraction"),
                xytext=(4, 3 + (11 * (2 - k) if d.narrow else 0)),
                textcoords="offset points",
                fontsize=8.5,
                color=SOFT,
            )
        ax.margins(x=0.01)
        _labels(ax, data, narrow=d.narrow)
    return d.svg


def window_figure(data: SeriesSet, layout: Layout, origin: int, index: int = 0) -> str:
    """How the series becomes pairs: three windows, each its inputs and its targets."""
    one = data.series[index]
    shown = min(max(3, min(layout.horizon, layout.window) // 2), 12)
    origins = [origin + k * shown for k in range(3) if origin + k * shown + 1 < len(one)]
    first = max(0, origin - layout.window + 1)
    last = min(len(one), origins[-1] + layout.horizon + 1)
    span = np.arange(first, last)
    with drawing("window", height=3.3) as d:
        top, bottom = d.axes(2, 1, sharex=True, height_ratios=[1.6, 1])
        top.plot(span, one.target[span], color=INK, lw=1.1)
        small = layout.window + layout.horizon <= 80
        past = np.arange(first, origin + 1)
        ahead = np.arange(origin + 1, min(len(one), origin + 1 + layout.horizon))
        size = 3.5 if small else 0
        top.plot(past, one.target[past], color=ACCENT, lw=1.6, marker="o", ms=size)
        top.plot(ahead, one.target[ahead], color=NAIVE, lw=1.6, marker="o", ms=size)
        top.set_ylabel(data.target_name)
        plain_numbers(top.yaxis)
        for k, at in enumerate(origins):
            row = len(origins) - k
            inputs = (at - layout.window + 0.5, layout.window)
            bottom.broken_barh([inputs], (row - 0.33, 0.66), color=ACCENT, alpha=1 - 0.28 * k)
            targets = (at + 0.5, layout.horizon)
            bottom.broken_barh([targets], (row - 0.33, 0.66), color=NAIVE, alpha=1 - 0.28 * k)
        middle = (origins[0] - layout.window / 2 + 0.5, origins[0] + layout.horizon / 2 + 0.5)
        texts = (_steps(layout.window, "input"), _steps(layout.horizon, "target"))
        wide = [layout.window, layout.horizon]
        for x, text, width in zip(middle, texts, wide, strict=True):
            inside = width > 0.16 * len(span)
            bottom.annotate(
                text,
                (x, len(origins) + (0 if inside else 0.42)),
                ha="center",
                va="center" if inside else "bottom",
                fontsize=8.5,
                color="white" if inside else SOFT,
                annotation_clip=False,
            )
        bottom.set_yticks(range(1, len(origins) + 1), [f"pair {k}" for k in _pair_numbers(origins)])
        bottom.set_ylim(0.4, len(origins) + (0.6 if min(wide) > 0.16 * len(span) else 0.9))
        bottom.grid(False)
        bottom.spines["left"].set_visible(False)
        bottom.set_xlabel("step")
    return d.svg


def forecast_figure(found: Evaluation, data: SeriesSet, naive: str, index: int = 0) -> str:
    """The last forecasts of the test part beside the truth, with intervals and the naive one."""
    one, horizon = data.series[index], found.truth.shape[1]
    rows = np.flatnonzero(found.series_index == index)
    rows = rows[(found.origins[rows] - found.origins[rows[-1]]) % horizon == 0]
    rows = rows[-max(1, min(len(rows), 240 // horizon, 12 if horizon > 1 else 240)) :]
    with drawing("forecast", height=3.4) as d:
        ax = d.axes()
        first = int(found.origins[rows[0]]) - horizon + 1
        last = int(found.origins[rows[-1]]) + horizon
        span = np.arange(max(0, first), last + 1)
        _bands(ax, _stretched(found, rows, one))
        ax.plot(_x(one)[span], one.target[span], color=INK, lw=1.3, label="truth")
        steps = found.origins[rows][:, None] + 1 + np.arange(horizon)
        x, naive_y, ours = (
            _pieces(values, horizon)
            for values in (
                _x(one)[steps],
                found.baselines[naive][rows],
                found.network.centre[rows],
            )
        )
        ax.plot(x, naive_y, color=NAIVE, lw=1.0, ls=(0, (4, 2)), label=naive)
        ax.plot(x, ours, color=ACCENT, lw=1.5, label=_network(found))
        for at in found.origins[rows] if horizon > 1 else ():
            ax.axvline(_x(one)[at], color=LINE, lw=0.8, zorder=0)
        ax.margins(x=0.01)
        _labels(ax, data, narrow=d.narrow)
        _legend_above(ax, narrow=d.narrow)
    return d.svg


def ahead_figure(data: SeriesSet, future: Forecasts, times: Any, index: int = 0) -> str:
    """The future after the end of the series."""
    one = data.series[index]
    horizon = future.centre.shape[1]
    tail = np.arange(max(0, len(one) - 4 * horizon - 24), len(one))
    with drawing("ahead", height=2.9) as d:
        ax = d.axes()
        now = _x(one)[-1:]
        ahead = np.concatenate([now, np.asarray(times)])
        start = one.target[-1:]
        bands = [
            (level, ahead, np.r_[start, low[index]], np.r_[start, high[index]])
            for level, low, high in zip(future.levels, future.lower, future.upper, strict=True)
        ]
        _bands(ax, bands)
        ax.plot(_x(one)[tail], one.target[tail], color=INK, lw=1.3, label=data.target_name)
        ax.plot(ahead, np.r_[start, future.centre[index]], color=ACCENT, label="forecast")
        ax.margins(x=0.01)
        _labels(ax, data, narrow=d.narrow)
        _legend_above(ax, narrow=d.narrow)
    return d.svg


def by_horizon_figure(found: Evaluation) -> str:
    """Mean absolute error by step ahead, the network against each baseline."""
    network = _network(found)
    order = [row.name for row in found.table.rows if row.name in found.by_horizon]
    steps = np.arange(1, found.truth.shape[1] + 1)
    best = found.by_horizon[found.best_baseline]
    limit = 2 * max(float(best.max()), float(found.by_horizon[network].max()))
    with drawing("by-horizon", height=2.9) as d:
        ax = d.axes()
        colours = iter(OTHERS * 3)
        for name in order:
            errors = found.by_horizon[name]
            if name == network:
                ax.plot(steps, errors, color=ACCENT, lw=2.2, label=name, zorder=3)
            elif float(np.median(errors)) <= limit:
                ax.plot(steps, errors, color=next(colours), lw=1.1, label=name)
        ax.set_ylim(bottom=0)
        plain_numbers(ax.yaxis)
        ax.set_xlabel("steps ahead")
        ax.set_ylabel("mean absolute error")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if d.narrow:
            _legend_above(ax, narrow=True)
        else:
            ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return d.svg


def residual_figure(found: Evaluation) -> str:
    """Autocorrelation of the one-step errors, and the band of white noise."""
    residuals = found.residuals
    assert residuals is not None
    with drawing("residuals", height=2.2) as d:
        ax = d.axes()
        ax.axhspan(-residuals.band, residuals.band, color=BAND, alpha=0.35, lw=0)
        ax.vlines(residuals.lags, 0, residuals.values, color=ACCENT, lw=1.6)
        ax.plot(residuals.lags, residuals.values, "o", color=ACCENT, ms=3)
        ax.axhline(0, color=SOFT, lw=0.8)
        plain_numbers(ax.yaxis)
        ax.set_xlabel("lag in steps")
        ax.set_ylabel("autocorrelation")
        ax.xaxis.get_major_locator().set_params(integer=True)
    return d.svg


def _x(one: Series) -> np.ndarray:
    """The horizontal axis: times where there are any, else steps."""
    if one.times is None:
        return np.arange(len(one))
    return one.times.to_numpy() if isinstance(one.times, pd.DatetimeIndex) else one.times


def _stretched(found: Evaluation, rows: np.ndarray, one: Series) -> list[Any]:
    horizon = found.truth.shape[1]
    steps = found.origins[rows][:, None] + 1 + np.arange(horizon)
    x = _pieces(_x(one)[steps], horizon)
    return [
        (level, x, _pieces(low[rows], horizon), _pieces(high[rows], horizon))
        for level, low, high in zip(
            found.network.levels, found.network.lower, found.network.upper, strict=True
        )
    ]


def _pieces(values: np.ndarray, horizon: int) -> np.ndarray:
    """Rows one after another, with a gap between forecasts of several steps."""
    if horizon == 1:
        return values.ravel()
    gap = np.full((len(values), 1), np.datetime64("NaT") if values.dtype.kind == "M" else np.nan)
    values = values if values.dtype.kind == "M" else values.astype(float)
    return np.concatenate([values, gap.astype(values.dtype)], 1).ravel()


def _bands(ax: Any, bands: list[Any]) -> None:
    for level, x, low, high in reversed(bands):
        alpha = 0.30 if len(bands) > 1 and level == bands[-1][0] else 0.55
        label = f"{level:.0%} interval".replace("%", " %")
        ax.fill_between(x, low, high, color=BAND, alpha=alpha, lw=0, label=label)


def _labels(ax: Any, data: SeriesSet, *, narrow: bool) -> None:
    ax.set_ylabel(data.target_name)
    plain_numbers(ax.yaxis)
    if not isinstance(data.series[0].times, pd.DatetimeIndex):
        ax.set_xlabel(data.time_name or "step")
    elif narrow:
        from matplotlib.dates import AutoDateFormatter, AutoDateLocator

        locator = AutoDateLocator(minticks=2, maxticks=5)  # with fewer it finds none for 20 months
        formatter = AutoDateFormatter(locator)
        formatter.scaled[1.0] = "%m-%d"
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(formatter)


def _legend_above(ax: Any, *, narrow: bool) -> None:
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2 if narrow else 5,
        borderaxespad=0.2,
        handlelength=1.6,
    )


def _network(found: Evaluation) -> str:
    return next(row.name for row in found.table.rows if row.kind == "network")


def _steps(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count > 1 else ''}"


def _pair_numbers(origins: list[int]) -> list[str]:
    """From the top down: the first pair, and how many steps later the others start."""
    shifts = [at - origins[0] for at in origins]
    return [f"+{shift}" if shift else "t" for shift in reversed(shifts)]
