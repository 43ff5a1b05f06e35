"""Sequences with a tag for each token: readers, tag schemes, units, checks, splits.

>>> from mnemonist.data.tags import TagsConfig, load_tagged, prepare_tagged
>>> config = TagsConfig(entities={"nr": "PER"}, join_names=("nr",))
>>> prepare_tagged(load_tagged(["王/nr 刚/nr 和/c 李/nr 明/nr 去/v 上班/v 了/u"], config), config)[0].tags
('B-PER', 'I-PER', 'O', 'B-PER', 'I-PER', 'O', 'O', 'O')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.tags.check import check_tags
    from mnemonist.data.tags.config import TagsConfig
    from mnemonist.data.tags.jsonl import offsets_of, tag_text
    from mnemonist.data.tags.load import inspect_tagged, iter_tagged, load_tagged
    from mnemonist.data.tags.model import Sentence, TaggedSet
    from mnemonist.data.tags.names import join_names, to_entities
    from mnemonist.data.tags.output import as_columns, as_json
    from mnemonist.data.tags.prepare import prepare_tagged
    from mnemonist.data.tags.schemes import (
        SCHEMES,
        Allowed,
        Scheme,
        Span,
        allowed_steps,
        convert,
        detect_scheme,
        invalid_tags,
        parse_tag,
        repair,
        spans_of,
        tags_of,
    )
    from mnemonist.data.tags.splitting import TaggedSplit, split_tagged
    from mnemonist.data.tags.units import to_characters, to_words

__all__ = [
    "SCHEMES",
    "Allowed",
    "Scheme",
    "Sentence",
    "Span",
    "TaggedSet",
    "TaggedSplit",
    "TagsConfig",
    "allowed_steps",
    "as_columns",
    "as_json",
    "check_tags",
    "convert",
    "detect_scheme",
    "inspect_tagged",
    "invalid_tags",
    "iter_tagged",
    "join_names",
    "load_tagged",
    "offsets_of",
    "parse_tag",
    "prepare_tagged",
    "repair",
    "spans_of",
    "split_tagged",
    "tag_text",
    "tags_of",
    "to_characters",
    "to_entities",
    "to_words",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Allowed": ".schemes",
        "SCHEMES": ".schemes",
        "Scheme": ".schemes",
        "Sentence": ".model",
        "Span": ".schemes",
        "TaggedSet": ".model",
        "TaggedSplit": ".splitting",
        "TagsConfig": ".config",
        "allowed_steps": ".schemes",
        "as_columns": ".output",
        "as_json": ".output",
        "check_tags": ".check",
        "convert": ".schemes",
        "detect_scheme": ".schemes",
        "inspect_tagged": ".load",
        "invalid_tags": ".schemes",
        "iter_tagged": ".load",
        "join_names": ".names",
        "load_tagged": ".load",
        "offsets_of": ".jsonl",
        "parse_tag": ".schemes",
        "prepare_tagged": ".prepare",
        "repair": ".schemes",
        "spans_of": ".schemes",
        "split_tagged": ".splitting",
        "tag_text": ".jsonl",
        "tags_of": ".schemes",
        "to_characters": ".units",
        "to_entities": ".names",
        "to_words": ".units",
    },
)
