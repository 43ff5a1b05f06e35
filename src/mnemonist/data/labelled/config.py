"""How a file is to be read as labelled sequences, and into which parts it falls."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mnemonist.data.limits import MAX_BYTES

__all__ = ["HEADER", "ItemKind", "LabelledConfig"]

ItemKind = Literal["text", "series", "symbols"]

HEADER = r"(?P<id>[^|\s]+)[|\s]+(?P<label>.+)"


class LabelledConfig(BaseModel):
    """Which columns mean what, what may be done to the data, and how it is parted.

    Args:
        kind: "text", "series" (numbers over time) or "symbols" (one letter a step, such as DNA);
            by default told by the file.
        text: the column with the text or the string of symbols; by default found.
        label: the column with the class; by default found.
        id: long form: the column that tells which series a row belongs to; FASTA with a label
            table: the column with the record's name.
        time: long form: the column that orders the rows of a series; by default found by name.
        channels: long form: the columns with the numbers; by default all other numeric ones.
        labels_file: where labels stand apart: a table of id and label for FASTA, a `.npy` for
            a `.npy`.
        header: FASTA: a regular expression with the groups `id` and `label` for what follows
            the '>'; by default `>id label` and `>id|label`.
        layout: the axes of a NumPy array: "NTC" is series, steps, channels; "NCT" series,
            channels, steps.
        fill: what to do about missing values in a series. "none": refuse the file. "linear":
            interpolate within the series.
        deduplicate: keep one of items that are equal and have equal labels; by default for
            text only.
        contradictions: items that are equal and have different labels: "keep" or "drop" all.
        valid, test: the shares of the parts that are not for training; `test` is without
            effect where a test file is given.
        split_seed: of the parts.
        encoding: of the file; by default detected (UTF-8, UTF-16, UTF-32, GBK).
        delimiter: between the columns; by default detected.
        decimal: the decimal sign; by default detected.
        max_bytes: a file (or all files of a folder together) larger than this is refused.
        max_length: an item of more characters, steps or symbols than this is refused.

    >>> LabelledConfig(text="review", label="stars").kind is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ItemKind | None = None
    text: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None
    channels: tuple[str, ...] = ()
    labels_file: str | None = None
    header: str | None = None
    layout: Literal["NTC", "NCT"] = "NTC"
    fill: Literal["none", "linear"] = "none"
    deduplicate: bool | None = None
    contradictions: Literal["keep", "drop"] = "keep"
    valid: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    split_seed: int = Field(default=0, ge=0)
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    max_bytes: int = Field(default=MAX_BYTES, ge=1)
    max_length: int = Field(default=1_000_000, ge=1)

    @field_validator("header")
    @classmethod
    def _groups(cls, value: str | None) -> str | None:
        if value is None:
            return value
        try:
            names = set(re.compile(value).groupindex)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
        if not {"id", "label"} <= names:
            raise ValueError(f"{value!r} lacks the groups (?P<id>...) and (?P<label>...)")
        return value
