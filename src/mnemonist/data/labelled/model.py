"""Labelled sequences in memory, each with the place it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mnemonist.data.findings import Finding
from mnemonist.data.labelled.config import ItemKind
from mnemonist.data.series.scaling import Scaler
from mnemonist.errors import ConfigError, DataError, ShapeError

__all__ = ["UNLABELLED", "LabelledSet", "sorted_classes"]

UNLABELLED = -1
"""The code of an item without a label, or with one that the classes lack."""


@dataclass(frozen=True)
class LabelledSet:
    """N sequences of one kind and their classes.

    Attributes:
        kind: "text": str; "series": float arrays (T_n, C); "symbols": str of one-letter symbols.
        items: the N sequences.
        labels: (N,) int64 codes into `classes`, -1 for an item without a label.
        classes: the K names.
        name: the source as named.
        files, lines: where each item begins: its file, and the line counted from 1 (0 where
            the format has no lines).
        ids: the name of each item, "" where it has none.
        channels: of series, the C names.
        notes: what was decided while reading.
        findings: what was found while reading.

    >>> data = LabelledSet.from_items([np.ones((3, 2)), np.zeros((5, 2))], ["up", "down"])
    >>> data.kind, data.lengths.tolist(), data.channels
    ('series', [3, 5], ('channel 1', 'channel 2'))
    """

    kind: ItemKind
    items: list[Any]
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str
    files: list[str]
    lines: np.ndarray
    ids: list[str]
    channels: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def from_items(
        cls,
        items: Sequence[str] | Sequence[ArrayLike],
        labels: Sequence[object] | None = None,
        *,
        kind: ItemKind | None = None,
        channels: Sequence[str] = (),
        name: str = "items",
    ) -> LabelledSet:
        """A set of what is already in memory.

        Args:
            items: strings, or arrays (T_n, C) or (T_n,).
            labels: the class of each item; none for items to be classified.
            kind: by default "text" for strings and "series" for arrays.

        Raises:
            ShapeError: labels of another number, or series with different numbers of channels.
        """
        kind = kind or ("text" if len(items) and isinstance(items[0], str) else "series")
        kept: list[Any] = list(items)
        if kind == "series":
            kept = [_series(one) for one in items]
            widths = {one.shape[1] for one in kept}
            if len(widths) > 1:
                raise ShapeError(f"series have different numbers of channels: {sorted(widths)}.")
            channels = channels or channel_names(max(widths, default=0))
        if labels is not None and len(labels) != len(kept):
            raise ShapeError(f"{len(labels)} labels for {len(kept)} items.")
        names = [str(label) for label in labels] if labels is not None else []
        classes = sorted_classes(names)
        codes = {one: code for code, one in enumerate(classes)}
        return cls(
            kind,
            kept,
            np.array([codes[one] for one in names] or [UNLABELLED] * len(kept), dtype=np.int64),
            classes,
            name,
            [name] * len(kept),
            np.zeros(len(kept), dtype=np.int64),
            [""] * len(kept),
            tuple(channels),
        )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def lengths(self) -> np.ndarray:
        """(N,) characters, steps or symbols."""
        return np.array([len(item) for item in self.items], dtype=np.int64)

    @property
    def counts(self) -> np.ndarray:
        """(K,) how many items each class has."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.classes))

    def take(self, index: ArrayLike) -> LabelledSet:
        """The items at these places, in this order; the classes stay."""
        chosen = np.asarray(index, dtype=np.int64)
        return replace(
            self,
            items=[self.items[k] for k in chosen],
            labels=self.labels[chosen],
            files=[self.files[k] for k in chosen],
            lines=self.lines[chosen],
            ids=[self.ids[k] for k in chosen],
        )

    def with_classes(self, classes: Sequence[str]) -> LabelledSet:
        """The same items with labels coded by other classes; -1 where those lack one.

        >>> test = LabelledSet.from_items(["ja", "si"], ["de", "it"])
        >>> test.with_classes(["de", "en"]).labels.tolist()
        [0, -1]
        """
        codes = {name: code for code, name in enumerate(classes)}
        table = np.array([*(codes.get(name, UNLABELLED) for name in self.classes), UNLABELLED])
        return replace(self, labels=table[self.labels], classes=tuple(classes))

    def scaled(self, scaler: Scaler) -> LabelledSet:
        """Series by a scaler that was fitted on the items of the training part.

        >>> train = LabelledSet.from_items([np.array([1.0, 3.0]), np.array([5.0])])
        >>> train.scaled(Scaler("minmax").fit(train.items)).items[0].tolist()
        [[-1.0], [0.0]]
        """
        if self.kind != "series":
            raise ConfigError(f"items of the kind {self.kind!r} have no scale.")
        return replace(self, items=[scaler.transform(item) for item in self.items])

    def where(self, index: int) -> str:
        """The place of an item, for a message."""
        line = int(self.lines[index])
        return f"{self.files[index]}, line {line}" if line else f"item {index + 1}"

    def describe(self) -> str:
        """One line with the counts of items and classes, and the lengths."""
        unit = {"text": "characters", "series": "steps", "symbols": "symbols"}[self.kind]
        lengths = self.lengths
        span = f"{lengths.min():,}-{lengths.max():,}" if len(self) else "0"
        wide = f", {len(self.channels)} channels" if self.kind == "series" else ""
        return f"{len(self):,} items of {span} {unit}{wide}, {len(self.classes)} classes"


def sorted_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels in order: as whole numbers where all are, else as text.

    >>> sorted_classes(["10", "9", "10"]), sorted_classes(["b", "10", "9"])
    (('9', '10'), ('10', '9', 'b'))
    """
    distinct = set(labels)
    if all(re.fullmatch(r"[+-]?\d{1,18}", label, re.ASCII) for label in distinct):
        return tuple(sorted(distinct, key=lambda label: (int(label), label)))
    return tuple(sorted(distinct))


def channel_names(count: int) -> tuple[str, ...]:
    """What channels are called that have no names."""
    return tuple(f"channel {k}" for k in range(1, count + 1))


def _series(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(f"a series has the shape {array.shape}; (steps, channels) was expected.")
    return array
