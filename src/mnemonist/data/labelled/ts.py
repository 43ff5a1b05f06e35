"""The `.ts` files of the time series classification archives (as sktime and aeon write them)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.files import numbered_lines
from mnemonist.data.labelled.model import channel_names
from mnemonist.data.labelled.reading import Reading
from mnemonist.errors import DataError

__all__ = ["read_ts"]


@dataclass(frozen=True)
class _Header:
    """What the lines before @data say."""

    labelled: bool
    labels: tuple[str, ...] | None
    dimensions: int | None


def read_ts(path: Path, config: LabelledConfig) -> Reading:
    """Series of a `.ts` file: a header of @ lines, then one series a line.

    A line is its dimensions parted by ':', each its values parted by ',' and '?' for a missing
    one, and the class label behind the last ':'. Series may differ in length; the dimensions of
    one series may not.

    Raises:
        DataError: no header, targets of a regression, time stamps, or a line that does not fit
            the header; the message names it.
    """
    lines = _content(path, config)
    header = _header(path, lines)
    reading = Reading("series", str(path))
    for number, line in lines:
        where = f"{path}, line {number}"
        *parts, label = line.split(":") if header.labelled else [*line.split(":"), ""]
        label = label.strip()
        if header.labelled and (not parts or not label):
            raise DataError(f"{where}: a class label behind the last ':' was expected.")
        if header.labels and header.labelled and label not in header.labels:
            raise DataError(
                f"{where}: the label {label!r} is not among those of @classLabel: "
                f"{', '.join(header.labels)}. Correct the line or the header."
            )
        channels = [_values(part, where) for part in parts]
        wanted = header.dimensions or (reading.items[0].shape[1] if reading.items else None)
        if wanted is not None and len(channels) != wanted:
            raise DataError(f"{where}: {len(channels)} dimensions where {wanted} were expected.")
        if len({len(one) for one in channels}) > 1:
            raise DataError(
                f"{where}: the dimensions have different lengths "
                f"({', '.join(str(len(one)) for one in channels)}); they must share their steps."
            )
        reading.add(np.stack(channels, axis=1), label or None, str(path), number)
    if reading.items:
        reading.channels = channel_names(reading.items[0].shape[1])
    return reading


def _content(path: Path, config: LabelledConfig) -> Iterator[tuple[int, str]]:
    for number, line in numbered_lines(path, config):
        if line.strip() and not line.lstrip().startswith(("#", "%")):
            yield number, line.strip()


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> _Header:
    said: dict[str, list[str]] = {}
    for number, line in lines:
        if not line.startswith("@"):
            raise DataError(f"{path}, line {number}: a line starting with '@' was expected.")
        key, *values = line[1:].split() or [""]
        if key.lower() == "data":
            break
        said[key.lower()] = values
    else:
        raise DataError(f"{path} has no line '@data', so it is no .ts file with series.")
    if _is_true(said.get("targetlabel")):
        raise DataError(
            f"{path} holds targets of a regression (@targetlabel true), not classes. Classes are "
            "needed: '@classLabel true A B ...'."
        )
    if _is_true(said.get("timestamps")):
        raise DataError(
            f"{path} has time stamps (@timeStamps true); only values in the order of time are "
            "read. Write it without them, or as a table of id, time, channels and label."
        )
    labels = said.get("classlabel", ["false"])
    dimensions = said.get("dimensions") or said.get("dimension") or [""]
    count = int(dimensions[0]) if re.fullmatch(r"\d{1,9}", dimensions[0]) else None
    if count is None and _is_true(said.get("univariate")):
        count = 1
    return _Header(
        _is_true(labels),
        tuple(labels[1:]) or None,
        count,
    )


def _is_true(values: list[str] | None) -> bool:
    return bool(values) and values[0].lower() == "true"  # type: ignore[index]


def _values(text: str, where: str) -> np.ndarray:
    cells = text.split(",") if text.strip() else []
    try:
        return np.array([np.nan if cell.strip() == "?" else float(cell) for cell in cells])
    except ValueError:
        wrong = next(cell for cell in cells if cell.strip() != "?" and not _is_number(cell))
        raise DataError(
            f"{where}: {wrong.strip()!r} is no number; a missing value is '?'."
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
