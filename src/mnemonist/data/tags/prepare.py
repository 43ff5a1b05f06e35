"""What a configuration makes of the sentences as they were read: entities, characters."""

from __future__ import annotations

from collections.abc import Mapping

from mnemonist.data.findings import some
from mnemonist.data.tags.config import TagsConfig
from mnemonist.data.tags.model import TaggedSet
from mnemonist.data.tags.names import to_entities
from mnemonist.data.tags.units import to_characters
from mnemonist.errors import DataError

__all__ = ["prepare_tagged"]


def prepare_tagged(data: TaggedSet, config: TagsConfig) -> TaggedSet:
    """Entities in place of tags where `config.entities` names some, then the units of `config`.

    Entities of words are tagged by BIO, characters by BIOES.

    Raises:
        DataError: none of the tags of `config.entities` occurs, or the tags mark spans already.

    >>> data = TaggedSet.from_sequences([["王", "刚", "走"]], [["nr", "nr", "v"]])
    >>> config = TagsConfig(entities={"nr": "PER"}, join_names=("nr",), units="characters")
    >>> prepare_tagged(data, config)[0].show()
    '王/B-PER 刚/E-PER 走/O'
    """
    if config.entities:
        data = _with_entities(data, config)
    if config.units == "characters":
        scheme = data.scheme
        data = data.map(
            lambda one: to_characters(one, scheme, "BIOES"), "BIOES", "units: characters, BIOES"
        )
    return data


def _with_entities(data: TaggedSet, config: TagsConfig) -> TaggedSet:
    types: Mapping[str, str] = config.entities
    if data.scheme != "raw":
        raise DataError(
            f"{data.name}: its tags mark spans already ({data.scheme}); entities= is for data with "
            "one tag a token. Leave it out."
        )
    known = data.tag_counts()
    if not any(tag in known for tag in types):
        raise DataError(
            f"{data.name}: none of the tags {some(types, len(types))} of entities= occurs; there "
            f"are {some(known, len(known), 10)}."
        )
    note = "entities: " + ", ".join(f"{tag} is {kind}" for tag, kind in types.items())
    if config.join_names:
        note += f"; neighbouring words of {', '.join(config.join_names)} joined to names"
    return data.map(
        lambda one: to_entities(one, types, join=config.join_names, scheme="BIO"), "BIO", note
    )
