"""Dynamic time warping of series of any length and number of channels, and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.evaluation.reliability import TemperatureScaling, softmax

__all__ = ["NearestNeighbourDTW", "dtw_distances"]

_CALIBRATED = 100


def dtw_distances(
    series: ArrayLike, references: Sequence[np.ndarray], band: float | None = None
) -> np.ndarray:
    """(N,) the warping distance of one series to each of N others.

    D(i, j) = |x_i - y_j|² + min(D(i-1, j), D(i, j-1), D(i-1, j-1)), the distance D(n, m), with
    all channels warped alike (Sakoe & Chiba 1978; DTW_D of Shokoohi-Yekta et al. 2017). All
    references are filled in together, one anti-diagonal i + j at a time.

    Args:
        series: (n, C).
        references: N arrays (m_r, C).
        band: how far i and j may be apart, as a share of the longer one (Sakoe-Chiba), widened
            to |n - m| where that is more; none for no bound.

    Returns:
        Squared distances summed along the path, no root taken.

    Raises:
        ShapeError: an empty series, or other channels.

    >>> one, two = np.array([[0.0], [1.0], [2.0]]), np.array([[0.0], [0.0], [1.0], [2.0], [2.0]])
    >>> dtw_distances(one, [two, two + 1]).tolist()
    [0.0, 3.0]
    """
    x = np.asarray(series, dtype=float)
    if band is not None and not 0 <= band <= 1:
        raise ConfigError(f"band={band}: a share from 0 to 1.")
    for one in (x, *references):
        if one.ndim != 2 or not len(one) or one.shape[1] != x.shape[1]:
            raise ShapeError(
                f"a series has the shape {one.shape}; (steps, {x.shape[-1]}) is needed."
            )
    if not len(references):
        return np.zeros(0)
    n, lengths = len(x), np.array([len(one) for one in references])
    longest = int(lengths.max())
    # steps backwards first, so that an anti-diagonal of (x_i, y_{d-i}) is a slice of both
    reverse = np.zeros((longest, len(references), x.shape[1]))
    for k, one in enumerate(references):
        reverse[longest - len(one) :, k] = one[::-1]
    radius = None
    if band is not None:
        radius = np.maximum(np.ceil(band * np.maximum(n, lengths)), np.abs(n - lengths))
    # row i + 1 holds i; row 0 is the border
    before = np.full((n + 1, len(references)), np.inf)
    last = before.copy()
    before[0] = 0.0
    distances = np.empty(len(references))
    for diagonal in range(n + longest - 1):
        low, high = max(0, diagonal - longest + 1), min(n - 1, diagonal)
        start = longest - 1 - diagonal + low
        cost = reverse[start : start + high - low + 1] - x[low : high + 1, None]
        best = np.minimum(np.minimum(last[low : high + 1], last[low + 1 : high + 2]),
                          before[low : high + 1])  # fmt: skip
        now = np.full_like(last, np.inf)
        now[low + 1 : high + 2] = best + np.einsum("knc,knc->kn", cost, cost)
        if radius is not None:
            apart = np.abs(2 * np.arange(low, high + 1) - diagonal)
            now[low + 1 : high + 2][apart[:, None] > radius] = np.inf
        ended = lengths == diagonal - n + 2
        distances[ended] = now[n, ended]
        before, last = last, now
    return distances


class NearestNeighbourDTW:
    """The class of the training series that is nearest by dynamic time warping.

    Probabilities are softmax(-d_k / T), d_k the distance to the nearest training series of class
    k, T fitted on up to 100 training series that are left out in turn.

    Args:
        band: of `dtw_distances`.
        scale: divide each channel by its standard deviation in training, after taking off its
            mean.

    >>> train = [np.zeros((4, 1)), np.ones((6, 1)), np.full((5, 1), 0.1)]
    >>> model = NearestNeighbourDTW().fit(train, [0, 1, 0])
    >>> model.predict_proba([np.full((7, 1), 0.9)]).argmax(axis=1).tolist()
    [1]
    """

    def __init__(self, band: float | None = None, *, scale: bool = False) -> None:
        self.band, self.scale = band, scale

    @property
    def name(self) -> str:
        """With the band where there is one."""
        band = f", band {self.band:.0%}".replace("%", " %") if self.band is not None else ""
        return f"1-nearest neighbour by DTW{band}"

    def fit(
        self, items: Sequence[np.ndarray], labels: ArrayLike, count: int | None = None
    ) -> NearestNeighbourDTW:
        """Keep the series, and find how sure a distance makes."""
        self.labels = np.asarray(labels, dtype=np.int64)
        self.count = count or int(self.labels.max()) + 1
        together = np.concatenate(list(items))
        deviation = together.std(axis=0)
        self._shift = together.mean(axis=0)
        self._unit = np.where(deviation > 0, deviation, 1.0)
        self._items = [self._scaled(one) for one in items]
        chosen = np.unique(np.linspace(0, len(items) - 1, min(len(items), _CALIBRATED), dtype=int))
        scores = np.stack([self._scores(self._items[k], but=int(k)) for k in chosen])
        known = np.isfinite(scores[np.arange(len(chosen)), self.labels[chosen]])
        self.scaling = TemperatureScaling()
        self._unit_of_distance = float(np.median(-scores[np.isfinite(scores)]) or 1.0)
        if known.any():
            usable = np.where(np.isfinite(scores), scores, scores[np.isfinite(scores)].min() * 10)
            self.scaling.fit(usable[known] / self._unit_of_distance, self.labels[chosen][known])
        return self

    def predict_proba(self, items: Sequence[np.ndarray]) -> np.ndarray:
        """(n, K)."""
        if not len(items):
            return np.zeros((0, self.count))
        scores = np.stack([self._scores(self._scaled(one)) for one in items])
        return softmax(scores / (self._unit_of_distance * self.scaling.temperature))

    @staticmethod
    def cost(train: Sequence[np.ndarray], items: Sequence[np.ndarray]) -> int:
        """How many cells the tables of `fit` and `predict_proba` have, times the channels."""
        steps = sum(len(one) for one in train)
        tried = sum(len(one) for one in items) + min(1.0, _CALIBRATED / len(train)) * steps
        return int(steps * tried * train[0].shape[1])

    def _scaled(self, item: np.ndarray) -> np.ndarray:
        return (item - self._shift) / self._unit if self.scale else np.asarray(item, dtype=float)

    def _scores(self, item: np.ndarray, but: int | None = None) -> np.ndarray:
        """(K,) minus the distance to the nearest of each class; -inf for a class without one."""
        distances = dtw_distances(item, self._items, self.band)
        if but is not None:
            distances[but] = np.inf
        nearest = np.full(self.count, np.inf)
        np.minimum.at(nearest, self.labels, distances)
        return -nearest
