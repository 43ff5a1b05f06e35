"""Windows as batches of tensors, gathered by index: no window is ever stored twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.series import SeriesSet, Windows
from mnemonist.errors import DataError
from mnemonist.training.batches import Batches

__all__ = ["Anchor", "Layout", "WindowBatches", "steps_back", "straight_lines", "with_history"]

Anchor = str


@dataclass(frozen=True)
class Layout:
    """What a network reads and writes: the sizes that its weights depend on.

    Args:
        window, horizon: past and future steps.
        unknown, known: how many covariates of each kind.
        lags: steps back whose values stand beside each future step.
        window_lags: whether they stand beside each past step as well.
        season: the seasonal period, 1 where there is none.
        anchor: "none", "last" or "season", what is corrected.
        centred: whether the target is read relative to the window's last value.
    """

    window: int
    horizon: int
    unknown: int = 0
    known: int = 0
    lags: tuple[int, ...] = ()
    window_lags: bool = False
    season: int = 1
    anchor: Anchor = "none"
    centred: bool = False

    @property
    def features(self) -> int:
        """Width of one past step: the target, unknown and known covariates, lagged values."""
        return 1 + self.unknown + self.known + len(self.lags) * self.window_lags

    @property
    def ahead(self) -> int:
        """Width of what is known of a future step: known covariates and lagged values."""
        return self.known + len(self.lags)

    @property
    def history(self) -> int:
        """Past steps that one forecast needs."""
        ahead = self.lags + ((self.season,) if self.anchor == "season" else ())
        needs = [self.window, *(int(steps_back(lag, self.horizon).max()) + 1 for lag in ahead)]
        if self.window_lags:
            needs += [self.window + lag for lag in self.lags]
        return max(needs)


def steps_back(lag: int, horizon: int) -> np.ndarray:
    """(horizon,): how far before the origin the value `lag` steps before each future step lies.

    Future steps further ahead than `lag` take it twice, three times, ... until it is past.

    >>> steps_back(3, 5).tolist()
    [2, 1, 0, 2, 1]
    """
    ahead = np.arange(1, horizon + 1)
    return lag * -(-ahead // lag) - ahead


class WindowBatches(Batches):
    """Batches of the windows of scaled series.

    A batch has "inputs" (B, window, F), "known" (B, horizon, K), "lags" (B, horizon, L),
    "anchor" (B, horizon) and "targets" (B, horizon), float32.

    Args:
        windows: over scaled series; those with too little history are left out.
        layout: what the network reads.
        batch_size: B.
        seed: of the order.
        shuffle: false keeps the order.

    Raises:
        DataError: no window has enough history.
    """

    def __init__(
        self,
        windows: Windows,
        layout: Layout,
        batch_size: int = 512,
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        self.layout, self.batch_size = layout, batch_size
        self.seed, self.shuffle = seed, shuffle
        self.chosen = with_history(windows, layout)
        starts = np.cumsum([0, *(len(one) for one in windows.data.series)])[:-1]
        positions = starts[windows.series_index] + windows.origins
        self.positions = torch.from_numpy(positions[self.chosen])
        data = windows.data
        self._target = _joined(data, "target")
        self._past = torch.cat(
            [self._target[:, None], _joined(data, "unknown"), _joined(data, "known")], 1
        )
        self._known = _joined(data, "known")
        self._back = torch.arange(1 - layout.window, 1)
        self._ahead = torch.arange(1, layout.horizon + 1)
        self._lags = torch.from_numpy(
            np.stack([steps_back(lag, layout.horizon) for lag in layout.lags], -1)
            if layout.lags
            else np.empty((layout.horizon, 0), dtype=np.int64)
        )
        self._window_lags = torch.tensor(layout.lags, dtype=torch.int64)
        self._season = torch.from_numpy(steps_back(layout.season, layout.horizon))
        self._order: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        return -(-len(self.positions) // self.batch_size)

    def batch(self, epoch: int, index: int) -> dict[str, Tensor]:
        """Batch `index` of `epoch`, in that epoch's order."""
        some = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.at(self._epoch(epoch)[some] if self.shuffle else self.positions[some])

    def at(self, positions: Tensor) -> dict[str, Tensor]:
        """The windows whose origins stand at `positions` of the joined series."""
        origin = positions[:, None]
        ahead = origin + self._ahead
        if self.layout.anchor == "last":
            anchor = self._target[origin].expand(-1, self.layout.horizon)
        elif self.layout.anchor == "season":
            anchor = self._target[origin - self._season]
        else:
            anchor = torch.zeros(ahead.shape)
        past = origin + self._back
        inputs = self._past[past]
        if self.layout.window_lags:
            inputs = torch.cat([inputs, self._target[past[..., None] - self._window_lags]], -1)
        return {
            "inputs": inputs,
            "known": self._known[ahead],
            "lags": self._target[origin[..., None] - self._lags],
            "anchor": anchor,
            "targets": self._target[ahead],
        }

    def _epoch(self, epoch: int) -> Tensor:
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.positions))
            self._order = (epoch, self.positions[torch.from_numpy(order)])
        return self._order[1]


def straight_lines(batches: WindowBatches, penalty: float = 1e-4) -> Tensor:
    """(window + 1, horizon): least squares from the window's values to target minus anchor.

    Solved in float64 with a ridge of `penalty` a window (Hoerl & Kennard 1970), the constant
    in the last row. Values are relative to the last one where the layout says so.
    """
    size = batches.layout.window + 1
    gram = torch.zeros(size, size, dtype=torch.float64)
    moment = torch.zeros(size, batches.layout.horizon, dtype=torch.float64)
    for start in range(0, len(batches.positions), 4096):
        batch = batches.at(batches.positions[start : start + 4096])
        values = batch["inputs"][..., 0].double()
        if batches.layout.centred:
            values = values - values[:, -1:]
        values = torch.cat([values, torch.ones(len(values), 1, dtype=torch.float64)], 1)
        gram += values.T @ values
        moment += values.T @ (batch["targets"] - batch["anchor"]).double()
    ridge = penalty * len(batches.positions) * torch.eye(size, dtype=torch.float64)
    return torch.linalg.solve(gram + ridge, moment).float()


def with_history(windows: Windows, layout: Layout) -> np.ndarray:
    """The indices of the windows that have the history that `layout` needs.

    Raises:
        DataError: there is none.
    """
    chosen = np.flatnonzero(windows.origins + 1 >= layout.history)
    if not len(chosen):
        longest = max(len(one) for one in windows.data.series)
        raise DataError(
            f"{windows.data.name}: a forecast of {layout.horizon} steps needs {layout.history} "
            f"steps before it (window {layout.window}, lags {list(layout.lags)}), and no window "
            f"of this part has them; the longest series has {longest} steps. Use shorter lags, a "
            "shorter window or horizon, or more data"
        )
    return chosen


def _joined(data: SeriesSet, field: str) -> Tensor:
    values = np.concatenate([getattr(one, field) for one in data.series])
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
