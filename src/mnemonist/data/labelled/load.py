"""From a file, several files or a folder to labelled items: every choice said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mnemonist.data.findings import raise_fatal
from mnemonist.data.labelled.arrays import read_arrays
from mnemonist.data.labelled.columns import find_columns
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.labelled.fasta import read_fasta, symbols_of
from mnemonist.data.labelled.files import check_sizes, listed, numbered_lines
from mnemonist.data.labelled.long import read_long
from mnemonist.data.labelled.model import LabelledSet
from mnemonist.data.labelled.reading import Reading
from mnemonist.data.labelled.tables import any_table, read_texts
from mnemonist.data.labelled.ts import read_ts
from mnemonist.errors import ConfigError, DataError

__all__ = ["Source", "inspect_labelled", "load_labelled"]

Source = str | Path | Sequence[str | Path] | pd.DataFrame

_FASTA = (".fasta", ".fa", ".fna", ".faa", ".fas")
_TEXT = (".txt", ".text")


def load_labelled(
    source: Source, config: LabelledConfig | None = None, *, labelled: bool = True
) -> LabelledSet:
    """Read labelled sequences.

    What is read, by its form:

    - a table (CSV, TSV, Parquet, JSON lines, a DataFrame) with a column of texts and one of
      labels, or in long form with columns of id, time, numbers and label;
    - text files, one for each label, as a list or in a folder: the file's name is the label,
      each line an item;
    - a folder with a folder for each label: each file in it is an item;
    - `.ts` series, NumPy `.npz` (X, y) and `.npy` with `labels_file`;
    - FASTA, the label in the header or in `labels_file`.

    Args:
        source: a path, several paths, or a DataFrame.
        config: which columns mean what; by default they are found.
        labelled: false for items that are to be classified; labels are taken where there are
            any.

    Returns:
        The items; `.notes` tells every choice, `.findings` the warnings.

    Raises:
        DataError: the source cannot be used as it is; the message names lines and remedies.
        ConfigError: options that contradict each other.

    >>> frame = pd.DataFrame({"review": ["so good", "so bad", "bad"], "stars": ["5", "1", "1"]})
    >>> data = load_labelled(frame)
    >>> data.classes, data.notes
    (('1', '5'), ["label: the column 'stars'", "text: the column 'review'"])
    """
    data = inspect_labelled(source, config, labelled=labelled)
    raise_fatal(data.findings)
    return data


def inspect_labelled(
    source: Source, config: LabelledConfig | None = None, *, labelled: bool = True
) -> LabelledSet:
    """As `load_labelled`, but fatal findings stand in `.findings` and are not raised.

    Raises:
        DataError: the source cannot be read at all.
    """
    config = config or LabelledConfig()
    reading = _read(source, config, labelled)
    if config.kind is not None and reading.kind != config.kind:
        raise ConfigError(
            f"kind={config.kind!r}: {reading.name} holds items of the kind {reading.kind!r}. Leave "
            "the kind out."
        )
    if reading.kind == "series":
        _clean(reading, config)
    elif reading.kind == "symbols":
        _as_symbols(reading)
    return reading.assemble(config, labelled=labelled)


def _read(source: Source, config: LabelledConfig, labelled: bool) -> Reading:
    if isinstance(source, pd.DataFrame):
        return _read_table(source, config, labelled)
    if not isinstance(source, str | Path):
        paths = [Path(one) for one in source]
        if len(paths) == 1:
            return _read(paths[0], config, labelled)
        return _read_label_files(paths, ", ".join(map(str, paths)), config)
    path = Path(source)
    ending = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path, config)
    if ending == ".ts":
        return read_ts(path, config)
    if ending in (".npz", ".npy"):
        return read_arrays(path, config)
    if ending in _FASTA:
        return read_fasta(path, config)
    if ending in _TEXT and not labelled:
        return _read_label_files([path], str(path), config, labelled=False)
    return _read_table(path, config, labelled)


def _read_table(
    source: str | Path | pd.DataFrame, config: LabelledConfig, labelled: bool
) -> Reading:
    table = any_table(source, config)
    columns = find_columns(table, config, labelled=labelled)
    if columns.text is None:
        return read_long(table, columns)
    return read_texts(table, columns, config)


def _read_folder(folder: Path, config: LabelledConfig) -> Reading:
    entries = listed(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in _TEXT]
    if files and folders:
        raise DataError(
            f"{folder} has both text files ({files[0].name}) and folders ({folders[0].name}); a "
            "file for each label or a folder for each label was expected. Remove one of both."
        )
    if len(files) > 1:
        return _read_label_files(files, str(folder), config)
    if not folders:
        raise DataError(
            f"{folder} has {len(files)} text files and no folders; two or more .txt files, one "
            "for each label, or a folder for each label were expected."
        )
    return _read_label_folders(folder, folders, config)


def _read_label_files(
    paths: list[Path], name: str, config: LabelledConfig, *, labelled: bool = True
) -> Reading:
    check_sizes(paths, config.max_bytes)
    reading = Reading(config.kind or "text", name)
    if labelled:
        shown = ", ".join(path.stem for path in paths[:8])
        reading.notes.append(f"labels: the names of {len(paths)} files ({shown}); an item a line")
    for path in paths:
        for number, line in numbered_lines(path, config):
            reading.add(line.strip(), path.stem if labelled else None, str(path), number)
    return reading


def _read_label_folders(folder: Path, folders: list[Path], config: LabelledConfig) -> Reading:
    files = [(one.name, file) for one in folders for file in listed(one) if file.is_file()]
    kept = {file for _, file in files if file.stat().st_size}
    check_sizes(kept, config.max_bytes)
    reading = Reading(config.kind or "text", str(folder))
    shown = ", ".join(one.name for one in folders[:8])
    reading.notes.append(f"labels: the names of {len(folders)} folders ({shown}); an item a file")
    for label, file in files:
        lines = [line for _, line in numbered_lines(file, config)] if file in kept else []
        reading.add("\n".join(lines).strip(), label, str(file), 1)
    return reading


def _as_symbols(reading: Reading) -> None:
    """Upper case and no blanks, or a DataError with the place."""
    places = zip(reading.items, reading.files, reading.lines, strict=True)
    reading.items = [
        symbols_of("".join(item.split()), f"{file}, line {line}") for item, file, line in places
    ]


def _clean(reading: Reading, config: LabelledConfig) -> None:
    """Cut padding of NaN, fill or refuse what is missing within, refuse what is infinite."""
    cut = [_without_padding(item) for item in reading.items]
    padded = sum(len(one) < len(item) for one, item in zip(cut, reading.items, strict=True))
    if padded:
        reading.notes.append(f"{padded} series ended in steps without any value; these were cut")
    reading.items = cut
    places = list(zip(reading.files, reading.lines, strict=True))
    infinite = [place for item, place in zip(cut, places, strict=True) if np.isinf(item).any()]
    if infinite:
        reading.fatal(
            "infinite-values",
            f"{len(infinite)} series have infinite values",
            infinite,
            "correct them, or mark them as missing and choose a fill",
        )
    gaps = [k for k, item in enumerate(cut) if np.isnan(item).any()]
    if not gaps:
        return
    if config.fill == "linear":
        for k in gaps:
            reading.items[k] = _interpolated(cut[k])
        reading.notes.append(f"missing values of {len(gaps)} series were interpolated")
        gaps = [k for k in gaps if np.isnan(reading.items[k]).any()]
    if gaps:
        what = "channels without any value" if config.fill == "linear" else "missing values"
        remedy = "choose fill='linear' (--fill linear), or leave these series out"
        if config.fill == "linear":
            remedy = "leave these series or channels out"
        reading.fatal(
            "missing-values", f"{len(gaps)} series have {what}", [places[k] for k in gaps], remedy
        )


def _without_padding(item: np.ndarray) -> np.ndarray:
    filled = np.flatnonzero(~np.isnan(item).all(axis=1))
    return item[: filled[-1] + 1] if len(filled) else item


def _interpolated(item: np.ndarray) -> np.ndarray:
    """Each channel on straight lines between its values, level at the ends."""
    filled = item.copy()
    steps = np.arange(len(item))
    for column in filled.T:
        known = ~np.isnan(column)
        if known.any():
            column[~known] = np.interp(steps[~known], steps[known], column[known])
    return filled
