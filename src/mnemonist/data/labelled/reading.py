"""What every reader fills: items, labels and places, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnemonist.data.findings import Finding, found_at
from mnemonist.data.labelled.config import ItemKind, LabelledConfig
from mnemonist.data.labelled.model import UNLABELLED, LabelledSet, sorted_classes

__all__ = ["Reading"]


@dataclass
class Reading:
    """Items in the order of the file; a label is None where there is none."""

    kind: ItemKind
    name: str
    items: list[Any] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    channels: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    empty: list[tuple[str, int]] = field(default_factory=list)

    def add(self, item: Any, label: str | None, file: str, line: int, id: str = "") -> None:
        """One more item; an empty one is left out and counted."""
        if not len(item):
            self.empty.append((file, line))
            return
        self.items.append(item)
        self.labels.append(label)
        self.files.append(file)
        self.lines.append(line)
        self.ids.append(id)

    def fatal(
        self, code: str, message: str, places: Sequence[tuple[str, int]], remedy: str
    ) -> None:
        """A fault that stands at `places`, pairs of file and line."""
        self.findings.append(found_at("fatal", code, message, places, remedy, self.name))

    def assemble(self, config: LabelledConfig, *, labelled: bool) -> LabelledSet:
        """The set, with the findings that concern every kind."""
        self._length_bound(config.max_length)
        if self.empty:
            self.findings.append(
                found_at(
                    "warning",
                    "empty-items",
                    f"{len(self.empty)} {self.kind} items are empty and were left out",
                    self.empty,
                    "fill them or remove them",
                    self.name,
                )
            )
        if not self.items:
            self.fatal("no-items", "there are no items", [], "name a file with items")
        if labelled:
            self._missing_labels()
        classes = sorted_classes([label for label in self.labels if label is not None])
        codes: dict[str | None, int] = {name: code for code, name in enumerate(classes)}
        return LabelledSet(
            self.kind,
            self.items,
            np.array([codes.get(label, UNLABELLED) for label in self.labels], dtype=np.int64),
            classes,
            self.name,
            self.files,
            np.array(self.lines, dtype=np.int64),
            self.ids,
            tuple(self.channels),
            self.notes,
            self.findings,
        )

    def _missing_labels(self) -> None:
        missing = [k for k, label in enumerate(self.labels) if label is None]
        if missing:
            self.fatal(
                "missing-labels",
                f"{len(missing)} of {len(self.labels)} items have no label",
                [(self.files[k], self.lines[k]) for k in missing],
                "fill in the label, or remove the items",
            )

    def _length_bound(self, bound: int) -> None:
        long = [k for k, item in enumerate(self.items) if len(item) > bound]
        if long:
            lengths = [len(self.items[k]) for k in long]
            self.fatal(
                "too-long",
                f"{len(long)} items are longer than the bound of {bound:,} (the longest has "
                f"{max(lengths):,})",
                [(self.files[k], self.lines[k]) for k in long],
                "cut them, or raise the bound (max_length, --max-length)",
            )
