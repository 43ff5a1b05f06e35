"""How a series becomes inputs and targets: windows that slide over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnemonist.data.series.model import Series, SeriesSet
from mnemonist.data.series.splitting import Range
from mnemonist.errors import ConfigError, DataError

__all__ = ["WindowBatch", "Windows"]


@dataclass(frozen=True)
class WindowBatch:
    """Some windows: inputs (n, window, F), future_known (n, horizon, K), targets (n, horizon)."""

    inputs: np.ndarray
    future_known: np.ndarray
    targets: np.ndarray


class Windows:
    """All pairs of `window` steps and the `horizon` steps after them.

    A window whose last step is t (its origin) has the inputs of t - window + 1 .. t and the
    targets of t + 1 .. t + horizon, so N steps make N - window - horizon + 1 windows. No
    window crosses from one series to another. With `ranges`, the targets lie inside the range
    of their series, while inputs may reach back before it: a test window sees the past that a
    user would have had.

    Args:
        data: the series, scaled or not.
        window: input steps, at least 1.
        horizon: target steps, at least 1.
        ranges: for each series the (start, stop) that holds the targets; everything if None.
        stride: take every stride-th origin.

    Raises:
        DataError: no series is long enough; the message has the numbers.

    >>> windows = Windows(SeriesSet.from_arrays(np.arange(10.0)), window=3, horizon=2, stride=2)
    >>> windows.inputs[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]]
    >>> windows.targets.tolist()
    [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    """

    def __init__(
        self,
        data: SeriesSet,
        window: int,
        horizon: int,
        *,
        ranges: Sequence[Range] | None = None,
        stride: int = 1,
    ) -> None:
        for name, value in (("window", window), ("horizon", horizon), ("stride", stride)):
            if value < 1:
                raise ConfigError(f"{name}={value}: at least 1.")
        self.data, self.window, self.horizon, self.stride = data, window, horizon, stride
        self.ranges = list(ranges or [(0, len(one)) for one in data.series])
        self._starts = np.cumsum([0, *(len(one) for one in data.series)])[:-1]
        self._target = np.concatenate([one.target for one in data.series])
        self._known = np.concatenate([one.known for one in data.series])
        unknown = np.concatenate([one.unknown for one in data.series])
        self._features = np.concatenate([self._target[:, None], unknown, self._known], axis=1)
        origins = [
            np.arange(max(window, start) - 1, stop - horizon, stride) for start, stop in self.ranges
        ]
        self.origins = np.concatenate(origins)
        self.series_index = np.repeat(np.arange(len(origins)), [len(one) for one in origins])
        if not len(self.origins):
            raise DataError(self._too_short())

    @classmethod
    def ahead(cls, data: SeriesSet, window: int, horizon: int) -> Windows:
        """The one window of each series whose targets lie after its end (NaN, not yet known).

        Known covariates come from `SeriesSet.known_after`.

        >>> Windows.ahead(SeriesSet.from_arrays(np.arange(5.0)), 2, 3).inputs.tolist()
        [[[3.0], [4.0]]]
        """
        for one in data.series:
            if len(one) < window:
                raise DataError(
                    f"{data.name}: {one.label} has {len(one)} steps, and the window is {window}; "
                    "a forecast needs at least the window."
                )
        series = [
            _extended(one, data.known_after(k, horizon), horizon)
            for k, one in enumerate(data.series)
        ]
        ranges = [(len(one), len(one) + horizon) for one in data.series]
        return cls(data.with_series(series), window, horizon, ranges=ranges)

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def features(self) -> int:
        """F: the target, the unknown, then the known covariates."""
        return self._features.shape[1]

    @property
    def season(self) -> int:
        """The seasonal period of the data, 1 where it has none."""
        return self.data.season or 1

    @property
    def ids(self) -> list[str]:
        """(n,) the series' id of each window."""
        names = [one.id for one in self.data.series]
        return [names[k] for k in self.series_index]

    @property
    def inputs(self) -> np.ndarray:
        """(n, window, F). This holds every window at once; `batch` holds some."""
        return self.batch(slice(None)).inputs

    @property
    def future_known(self) -> np.ndarray:
        """(n, horizon, K): the known covariates of the target steps."""
        return self._known[self._ahead(slice(None))]

    @property
    def targets(self) -> np.ndarray:
        """(n, horizon)."""
        return self._target[self._ahead(slice(None))]

    def batch(self, index: np.ndarray | slice) -> WindowBatch:
        """The windows at `index`, copied out."""
        ends = self._positions()[index]
        ahead = self._ahead(index)
        back = ends[:, None] + np.arange(1 - self.window, 1)
        return WindowBatch(self._features[back], self._known[ahead], self._target[ahead])

    def past_targets(self, steps_back: np.ndarray) -> np.ndarray:
        """(n, k): the target `steps_back` (k,) steps before each origin; NaN before the start.

        Reaches back beyond the window, which a seasonal baseline may need.
        """
        back = np.asarray(steps_back)
        positions = self._positions()[:, None] - back
        inside = self.origins[:, None] - back >= 0
        return np.where(inside, self._target[np.maximum(positions, 0)], np.nan)

    def _positions(self) -> np.ndarray:
        """Each origin in the arrays in which the series stand one after another."""
        return self._starts[self.series_index] + self.origins

    def _ahead(self, index: np.ndarray | slice) -> np.ndarray:
        return self._positions()[index][:, None] + np.arange(1, self.horizon + 1)

    def _too_short(self) -> str:
        longest = max(stop - start for start, stop in self.ranges)
        steps = max(len(one) for one in self.data.series)
        return (
            f"{self.data.name}: no window fits. window {self.window} + horizon {self.horizon} = "
            f"{self.window + self.horizon} steps are needed, {self.horizon} of them in this part; "
            f"the longest series has {steps} steps, the longest part {longest}. Use a shorter "
            "window or horizon, or more data."
        )


def _extended(series: Series, known: np.ndarray, horizon: int) -> Series:
    """The series with `horizon` steps more, of which only the known covariates are known."""
    nothing = np.full((horizon, series.unknown.shape[1]), np.nan)
    return replace(
        series,
        target=np.r_[series.target, np.full(horizon, np.nan)],
        times=None,
        known=np.concatenate([series.known, known]),
        unknown=np.concatenate([series.unknown, nothing]),
        lines=None,
    )
