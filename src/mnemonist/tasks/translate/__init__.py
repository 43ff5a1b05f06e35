"""Translation: from pairs of texts to a network, its rivals and an honest report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.tasks.translate.config import TranslateConfig
    from mnemonist.tasks.translate.translator import Translator

__all__ = [
    "TranslateConfig",
    "Translator",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "TranslateConfig": ".config",
        "Translator": ".translator",
    },
)
