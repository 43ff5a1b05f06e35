"""Dropout of whole steps and whole words."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn import LockedDropout, WordDropout


def test_one_mask_holds_for_all_steps_and_differs_between_rows() -> None:
    kept = LockedDropout(0.5)(torch.ones(7, 64, 32))
    assert all(step.equal(kept[0]) for step in kept)
    assert not kept[0, 0].equal(kept[0, 1])
    assert set(kept.unique().tolist()) == {0.0, 2.0}


def test_the_mean_stays() -> None:
    assert LockedDropout(0.3)(torch.ones(1, 500, 200)).mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("module", [LockedDropout(0.5).eval(), LockedDropout(0.0)])
def test_nothing_is_dropped_in_evaluation_or_with_probability_0(module: LockedDropout) -> None:
    x = torch.randn(3, 2, 4)
    assert module(x).equal(x)


def test_a_word_is_dropped_everywhere_or_nowhere() -> None:
    words, table = torch.randint(0, 40, (30, 8)), nn.Embedding(40, 5)
    vectors, plain = WordDropout(0.5)(words, table), table(words)
    for word in words.unique():
        here = vectors[words == word]
        gone, kept = here.eq(0).all(), torch.allclose(here, 2 * plain[words == word])
        assert gone != kept


def test_probabilities_and_shapes_are_checked() -> None:
    with pytest.raises(ConfigError, match="probability"):
        LockedDropout(1.5)
    with pytest.raises(ShapeError, match="words must be"):
        WordDropout(0.5)(torch.zeros(3, dtype=torch.long), nn.Embedding(2, 2))
