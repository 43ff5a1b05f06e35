"""Small language models, trained for a moment."""

from __future__ import annotations

import numpy as np
import pytest

from mnemonist import LanguageModel

SUBJECTS = ("the cat", "the dog", "a bird", "the man", "a fish")
VERBS = ("sees", "hears", "likes", "knows")


def sentences(count: int = 300, seed: int = 0) -> list[str]:
    """Sentences of a small grammar."""
    draw = np.random.default_rng(seed)
    pick = lambda words: words[draw.integers(len(words))]  # noqa: E731
    return [f"{pick(SUBJECTS)} {pick(VERBS)} {pick(SUBJECTS)}" for _ in range(count)]


QUICK = {"hidden_size": 16, "epochs": 3, "learning_rate": 0.02, "batch_size": 8, "valid": 20}


@pytest.fixture(scope="session")
def streams() -> LanguageModel:
    """Characters, one stream."""
    return LanguageModel(**QUICK, steps=20, test=30).fit(sentences())


@pytest.fixture(scope="session")
def lines() -> LanguageModel:
    """Words, every line on its own."""
    return LanguageModel(**QUICK, mode="sentences", tokens="words", test=30).fit(sentences())
