"""Series in NumPy files: `.npz` with X and y, or `.npy` with a second `.npy` of labels."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.files import check_sizes
from mnemonist.data.labelled.model import channel_names
from mnemonist.data.labelled.reading import Reading
from mnemonist.errors import DataError

__all__ = ["read_arrays"]

_VALUES = ("x", "data", "values", "series")
_LABELS = ("y", "label", "labels", "target", "classes")


def read_arrays(path: Path, config: LabelledConfig) -> Reading:
    """X (N, T, C), or (N, C, T) with the layout "NCT", or (N, T); y (N,); lengths (N,) if any.

    Nothing is unpickled: arrays of Python objects are refused. Series that were padded with NaN
    at their ends are cut there.

    Raises:
        DataError: no such arrays, other shapes, or arrays larger than `config.max_bytes`.
    """
    check_sizes([path], config.max_bytes)
    arrays = _npz(path, config) if path.suffix.lower() == ".npz" else _npy(path, config)
    values = _layout(path, arrays["X"], config)
    count, steps, width = values.shape
    reading = Reading("series", str(path), channels=channel_names(width))
    reading.notes.append(f"X: {count:,} series of {steps:,} steps and {width} channels")
    labels = arrays.get("y")
    lengths = arrays.get("lengths", np.full(count, steps))
    for name, one in (("y", labels), ("lengths", lengths)):
        if one is not None and one.shape != (count,):
            raise DataError(f"{path}: {name} has the shape {one.shape}; ({count},) was expected.")
    if lengths.dtype.kind not in "iu" or not ((lengths >= 0) & (lengths <= steps)).all():
        raise DataError(f"{path}: lengths must be whole numbers from 0 to {steps}.")
    for k in range(count):
        label = None if labels is None else str(labels[k]).strip() or None
        reading.add(values[k, : lengths[k]], label, f"{path}, item {k + 1}", 0, "")
    return reading


def _npz(path: Path, config: LabelledConfig) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > config.max_bytes:
            raise DataError(
                f"{path} unpacks to {size:,} bytes, more than the bound of {config.max_bytes:,} "
                "(max_bytes, --max-bytes)."
            )
        with np.load(path, allow_pickle=False) as held:
            names = {name.casefold(): name for name in held.files}
            values = next((names[one] for one in _VALUES if one in names), None)
            if values is None:
                raise DataError(
                    f"{path} holds {', '.join(held.files) or 'nothing'}; an array X was expected."
                )
            found = {"X": held[values]}
            labels = next((names[one] for one in _LABELS if one in names), None)
            if labels is not None:
                found["y"] = held[labels]
            if "lengths" in names:
                found["lengths"] = held[names["lengths"]]
            return found
    except DataError:
        raise
    except Exception as error:  # of a damaged file, numpy and zlib raise errors of many kinds
        raise _unreadable(path, error) from error


def _npy(path: Path, config: LabelledConfig) -> dict[str, np.ndarray]:
    found = {"X": _one(path)}
    if config.labels_file is not None:
        labels = Path(config.labels_file)
        check_sizes([labels], config.max_bytes)
        found["y"] = _one(labels)
    return found


def _one(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except Exception as error:  # of a damaged file, numpy raises errors of many kinds
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is no readable NumPy file of plain arrays: {error}. Arrays of Python objects are "
        "refused; write series of different lengths padded, with an array 'lengths'."
    )


def _layout(path: Path, values: np.ndarray, config: LabelledConfig) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise DataError(f"{path}: X holds {values.dtype}; numbers were expected.")
    if values.ndim == 2:
        values = values[:, :, None]
    elif values.ndim != 3:
        raise DataError(
            f"{path}: X has the shape {values.shape}; (series, steps, channels) was expected, or "
            "(series, channels, steps) with layout='NCT' (--layout NCT)."
        )
    elif config.layout == "NCT":
        values = values.transpose(0, 2, 1)
    return values.astype(float)
