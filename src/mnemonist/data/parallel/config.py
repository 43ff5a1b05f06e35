"""How a file is to be read as pairs of texts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mnemonist.data.limits import MAX_BYTES

__all__ = ["ParallelConfig"]


class ParallelConfig(BaseModel):
    """Where the two sides stand, and what is done to them.

    Args:
        source, target: the column, the field ("translation.en" for a field within a field), or
            the number of the column from 1; by default found by name, else columns 1 and 2.
        target_file: where the targets stand in a file of their own, line by line.
        encoding: of the file; by default detected (UTF-8, UTF-16, UTF-32, GBK).
        target_encoding: of `target_file`; by default detected.
        delimiter: between the columns; by default a tab, a comma in files named .csv.
        deduplicate: keep one of equal pairs.
        max_bytes: a larger file is refused.
        max_length: a text of more characters is refused.

    >>> ParallelConfig(source="chinese", target="translation.en").deduplicate
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    target: str | None = None
    target_file: str | None = None
    encoding: str | None = None
    target_encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    deduplicate: bool = True
    max_bytes: int = Field(default=MAX_BYTES, ge=1)
    max_length: int = Field(default=10_000, ge=1)
