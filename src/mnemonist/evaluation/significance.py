"""Is one forecast better than another, or was it luck?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import DataError, ShapeError

__all__ = ["DieboldMariano", "Significance", "diebold_mariano"]


class Significance(Protocol):
    """What a verdict needs of a test.

    Attributes:
        name: of the test.
        p_value: two-sided.
    """

    @property
    def name(self) -> str: ...
    @property
    def p_value(self) -> float: ...


@dataclass(frozen=True)
class DieboldMariano:
    """The test's result.

    Args:
        statistic: positive where the first forecast has the larger loss.
        p_value: two-sided.
        difference: mean loss of the first minus that of the second.
        count: origins compared.
        note: what had to be done differently, if anything.
    """

    name: ClassVar[str] = "Diebold-Mariano"
    statistic: float
    p_value: float
    difference: float
    count: int
    note: str = ""


def diebold_mariano(
    first: ArrayLike, second: ArrayLike, *, horizon: int | None = None
) -> DieboldMariano:
    """Test of equal expected loss (Diebold & Mariano 1995), small samples corrected.

    With d_t the difference of the losses at origin t, d̄ its mean, γ_k its autocovariances,

        DM = d̄ / √((γ_0 + 2 Σ_{k<h} γ_k) / n),

    times √((n + 1 - 2h + h (h - 1) / n) / n), compared with Student's t with n - 1 degrees of
    freedom (Harvey, Leybourne & Newbold 1997). Where the sum of autocovariances is not
    positive, Bartlett weights 1 - k/h take its place, as the note then says.

    Args:
        first, second: losses, (n,) or (n, H) for the same origins in the order of time; with H
            steps ahead each origin's mean loss is compared.
        horizon: h, how many steps ahead the forecasts reach; H, or 1, when None.

    Raises:
        ShapeError: shapes that differ.
        DataError: fewer origins than 2 h, or fewer than 8: no test is possible.

    >>> losses = np.random.default_rng(0).random((2, 100))
    >>> test = diebold_mariano(losses[0] + 0.5, losses[1])
    >>> test.statistic > 0, test.p_value < 0.001
    (True, True)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape:
        raise ShapeError(f"the losses have the shapes {a.shape} and {b.shape}; they must be equal.")
    width = a.shape[1] if a.ndim == 2 else 1
    h = horizon or width
    d = (a - b).mean(axis=1) if a.ndim == 2 else a - b
    n = len(d)
    if n < max(8, 2 * h):
        raise DataError(
            f"{n} origins are too few for a Diebold-Mariano test at horizon {h}; it needs "
            f"{max(8, 2 * h)} or more. Use a longer test part."
        )
    mean = float(d.mean())
    if np.ptp(d) <= 1e-12 * max(float(np.abs(a).mean()), 1e-300):
        p = 1.0 if abs(mean) <= 1e-12 * float(np.abs(a).mean()) else 0.0
        sign = 0.0 if p else float(np.sign(mean) * np.inf)
        return DieboldMariano(sign, p, mean, n, "the losses differ by a constant")
    variance, note = _long_run_variance(d - mean, h)
    correction = sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    statistic = mean / sqrt(variance / n) * correction
    return DieboldMariano(statistic, _two_sided(statistic, n - 1), mean, n, note)


def _long_run_variance(centred: np.ndarray, h: int) -> tuple[float, str]:
    n = len(centred)
    covariances = np.array([float(centred[k:] @ centred[: n - k]) / n for k in range(h)])
    variance = float(covariances[0] + 2 * covariances[1:].sum())
    if variance > 0:
        return variance, ""
    weights = 1 - np.arange(1, h) / h
    bartlett = float(covariances[0] + 2 * (weights * covariances[1:]).sum())
    return bartlett, "the rectangular variance was not positive; Bartlett weights were used"


def _two_sided(statistic: float, degrees: int) -> float:
    # scipy.stats has the same distribution and takes a second to import.
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(statistic)))
