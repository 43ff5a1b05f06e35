"""Weights that make rare classes count as much as common ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.errors import DataError

__all__ = ["class_weights"]


def class_weights(labels: ArrayLike, count: int) -> np.ndarray:
    """w_k = n / (K n_k): every class weighs n / K in all (King & Zeng 2001).

    Args:
        labels: (n,) codes from 0 to K - 1.
        count: K.

    Returns:
        (K,); 0 for a class that does not occur.

    Raises:
        DataError: a code outside 0 to K - 1.

    >>> class_weights([0, 0, 0, 1], 2).round(3).tolist()
    [0.667, 2.0]
    """
    codes = np.asarray(labels, dtype=np.int64)
    if len(codes) and not 0 <= codes.min() <= codes.max() < count:
        raise DataError(
            f"labels reach from {codes.min()} to {codes.max()}; 0 to {count - 1} exist."
        )
    counts = np.bincount(codes, minlength=count)
    return np.where(counts > 0, len(codes) / (count * np.maximum(counts, 1)), 0.0)
