"""Language models: from a text to a network that predicts it, its rivals and a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.tasks.language.config import LanguageConfig
    from mnemonist.tasks.language.language_model import LanguageModel

__all__ = [
    "LanguageConfig",
    "LanguageModel",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "LanguageConfig": ".config",
        "LanguageModel": ".language_model",
    },
)
