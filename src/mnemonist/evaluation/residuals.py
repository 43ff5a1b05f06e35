"""What is left in the errors: structure that a better model could use."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.data.series.season import autocorrelation
from mnemonist.errors import ShapeError

__all__ = ["ResidualAutocorrelation", "residual_autocorrelation"]


@dataclass(frozen=True)
class ResidualAutocorrelation:
    """Autocorrelations of one-step errors and the band in which white noise stays.

    Args:
        lags: (L,) from 1.
        values: (L,) autocorrelations.
        band: ± this at 95 % under white noise, 1.96 / √n.
        outside: how many lags leave the band; 5 % of them would by chance.
    """

    lags: np.ndarray
    values: np.ndarray
    band: float
    outside: int

    def sentence(self) -> str:
        """What it means, in words."""
        expected = 0.05 * len(self.lags)
        if self.outside <= max(2 * expected, 1):
            return "The residuals look like noise: hardly any autocorrelation leaves the 95 % band."
        largest = int(np.argmax(np.abs(self.values)))
        return (
            f"The residuals are not noise: {self.outside} of {len(self.lags)} autocorrelations "
            f"leave the 95 % band, the largest at lag {self.lags[largest]} "
            f"({self.values[largest]:.2f}); there is structure left to model."
        )


def residual_autocorrelation(
    residuals: ArrayLike, lags: int | None = None
) -> ResidualAutocorrelation:
    """Autocorrelation of errors y - ŷ in the order of time, with the white-noise band.

    Args:
        residuals: (n,) errors one step ahead. Errors h steps ahead are correlated up to lag
            h - 1 even for a perfect forecast.
        lags: how many; min(40, n / 4) when None.

    >>> noise = np.random.default_rng(0).normal(size=400)
    >>> residual_autocorrelation(noise).outside <= 4
    True
    """
    errors = np.asarray(residuals, dtype=float)
    if errors.ndim != 1 or len(errors) < 8:
        raise ShapeError(f"residuals have the shape {errors.shape}; (n,) with n ≥ 8 is needed.")
    count = min(lags or min(40, len(errors) // 4), len(errors) - 1)
    values = autocorrelation(errors, count)[1:]
    band = 1.96 / sqrt(len(errors))
    outside = int((np.abs(values) > band).sum())
    return ResidualAutocorrelation(np.arange(1, count + 1), values, band, outside)
