"""How a file is to be read as tagged sentences, and into which parts it falls."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mnemonist.data.limits import MAX_BYTES
from mnemonist.data.tags.schemes import Scheme

__all__ = ["Format", "TagsConfig", "Units"]

Format = Literal["columns", "slashed", "jsonl"]
Units = Literal["tokens", "characters"]


class TagsConfig(BaseModel):
    """What the file holds, what is made of it, and how it is parted.

    Args:
        file_format: "columns" (a token a line, a blank line after each sentence), "slashed"
            (`word/TAG word/TAG`, a sentence a line) or "jsonl" (a JSON object a line: `text` and
            `entities`, or `tokens` and `tags`); by default detected.
        token_column, tag_column: of a file of columns, from 0; negative ones count from the
            last. By default the first and the last (CoNLL-U: FORM and UPOS).
        separator: of the columns ("\\t"), or between word and tag ("/", "_"); by default detected.
        encoding: of the files; by default detected (UTF-8, UTF-16, UTF-32, GBK).
        scheme: of the tags in the file; by default detected.
        entities: tags that become entity types, all others O: {"nr": "PER", "ns": "LOC"}.
        join_names: tags whose neighbouring words are parts of Chinese names, surname and given
            name; they become one entity (see `join_names`). Needs `entities`.
        units: "characters" tags each character of a token; "tokens" leaves tokens as they are, and
            so does None, unless the one who reads the file chooses.
        faulty: what to do about sentences with faults: "refuse" the file or "skip" them.
        valid, test: the parts that are not for training: shares below 1, or numbers of
            sentences. `test` is without effect where a test file is given.
        order: "contiguous" takes the last sentences of the file for the test and those before
            them for validation; "shuffled" draws the parts.
        split_seed: of the drawing.
        max_bytes: files of more bytes than this together are refused.
        max_line: a line of more characters than this is refused.

    >>> TagsConfig(entities={"nr": "PER", "ns": "LOC"}, join_names=("nr",)).order
    'contiguous'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_format: Format | None = None
    token_column: int | None = None
    tag_column: int | None = None
    separator: str | None = Field(default=None, min_length=1)
    encoding: str | None = None
    scheme: Scheme | None = None
    entities: dict[str, str] = Field(default_factory=dict)
    join_names: tuple[str, ...] = ()
    units: Units | None = None
    faulty: Literal["refuse", "skip"] = "refuse"
    valid: float | int = Field(default=0.1, ge=0)
    test: float | int = Field(default=0.1, ge=0)
    order: Literal["contiguous", "shuffled"] = "contiguous"
    split_seed: int = Field(default=0, ge=0)
    max_bytes: int = Field(default=MAX_BYTES, ge=1)
    max_line: int = Field(default=1_000_000, ge=1)

    @field_validator("entities")
    @classmethod
    def _types(cls, value: dict[str, str]) -> dict[str, str]:
        for tag, kind in value.items():
            if not tag or not kind or kind == "O" or any(c.isspace() for c in tag + kind):
                raise ValueError(f"{tag!r} = {kind!r}: a tag and a type without white space")
        return value

    @field_validator("join_names")
    @classmethod
    def _names_are_entities(cls, value: tuple[str, ...], info: object) -> tuple[str, ...]:
        entities = getattr(info, "data", {}).get("entities", {})
        if unknown := [tag for tag in value if tag not in entities]:
            raise ValueError(f"{unknown[0]!r} is not among the tags of entities")
        return value
