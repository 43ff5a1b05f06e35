"""Tagging: from sentences with a tag for each token to a network, its rivals and a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.tasks.tag.config import TagConfig
    from mnemonist.tasks.tag.tagger import SequenceTagger

__all__ = [
    "SequenceTagger",
    "TagConfig",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "SequenceTagger": ".tagger",
        "TagConfig": ".config",
    },
)
