"""Small tagged sentences whose tags follow rules that a network can learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

NAMES = ("王刚", "李明", "张伟", "陈静")
PLACES = ("北京", "上海")
VERBS = ("去", "到", "离开")


def _chinese(count: int = 120, seed: int = 0) -> list[str]:
    """`word/TAG` lines: somebody goes somewhere, with surname and given name apart."""
    draw = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        name, place, verb = (draw.choice(one) for one in (NAMES, PLACES, VERBS))
        lines.append(f"{name[0]}/nr {name[1:]}/nr {verb}/v {place}/ns 了/u 。/w")
    return lines


def _english(count: int = 120, seed: int = 0) -> list[str]:
    """`word/TAG` lines in which the word before decides what "walk" is."""
    draw = np.random.default_rng(seed)
    people = ("Ann", "Bob", "Eve")
    lines = []
    for _ in range(count):
        who = draw.choice(people)
        if draw.random() < 0.5:
            lines.append(f"the/DT walk/NN pleased/VBD {who}/NNP ./.")
        else:
            lines.append(f"to/TO walk/VB pleased/VBD {who}/NNP ./.")
    return lines


@pytest.fixture(scope="session")
def chinese() -> Callable[..., list[str]]:
    return _chinese


@pytest.fixture(scope="session")
def english() -> Callable[..., list[str]]:
    return _english
