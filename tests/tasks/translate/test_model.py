"""Laws of what is minimised."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mnemonist.data.parallel import ParallelSet
from mnemonist.tasks.common.programs import cell_maker
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.model import TranslateObjective, build, pair_batches
from mnemonist.tasks.translate.sides import Sides, fit_sides

PAIRS = ParallelSet.from_pairs([("ab", "xyz"), ("b", "zz"), ("cabba", "x"), ("c", "yxyx")])
CONFIG = TranslateConfig(
    source_tokens="characters", target_tokens="characters", hidden_size=5, embedding_size=4
)


def losses(objective: TranslateObjective, rows: int, *, learn: bool) -> tuple[float, float]:
    """The summed loss and its terms, so many rows at a time."""
    torch.manual_seed(0)
    sides = fit_sides(PAIRS, CONFIG)
    model = build(CONFIG.model_copy(update={"dropout": 0.0}), sides, cell_maker(CONFIG))
    model.train(learn)
    batches = pair_batches(
        [sides.source.encode(list(text)) for text in PAIRS.sources],
        [sides.target.encode(list(text)) for text in PAIRS.targets],
        rows,
        seed=0,
        learn=False,
    )
    total = weight = 0.0
    for index in range(len(batches)):
        found = objective.loss(
            model,
            batches.batch(0, index),
            carried=None,
            forcing=1.0,
            generator=torch.Generator(),
        )
        total, weight = total + found.total.item(), weight + found.weight
    return total, weight


def test_padding_does_not_count() -> None:
    alone, terms = losses(TranslateObjective(), 1, learn=True)
    together, same = losses(TranslateObjective(), 4, learn=True)
    assert alone == pytest.approx(together, rel=1e-5)
    assert terms == same == sum(len(text) + 1 for text in PAIRS.targets)


def test_targets_are_smoothed_in_training_alone() -> None:
    plain, smooth = TranslateObjective(), TranslateObjective(0.2)
    assert losses(plain, 4, learn=False) == losses(smooth, 4, learn=False)
    assert losses(plain, 4, learn=True) != losses(smooth, 4, learn=True)


def test_the_loss_is_that_of_the_tokens_one_by_one() -> None:
    sides = fit_sides(PAIRS, CONFIG)
    torch.manual_seed(0)
    model = build(CONFIG, sides, cell_maker(CONFIG)).eval()
    source, target = sides.source.encode(["a", "b"]), sides.target.encode(["x", "z"])
    encoded = model.encode(source[:, None], [3])
    state, previous, total = encoded.state, torch.tensor([sides.target.vocabulary.eos]), 0.0
    for token in target:
        logits, state, _ = model.step(previous, state, encoded)
        total += F.cross_entropy(logits, token[None]).item()
        previous = token[None]
    batch = pair_batches([source], [target], 1, seed=0, learn=False).batch(0, 0)
    found = TranslateObjective().loss(
        model, batch, carried=None, forcing=1.0, generator=torch.Generator()
    )
    assert found.total.item() == pytest.approx(total, rel=1e-5)


def test_sides_survive_being_saved() -> None:
    sides = fit_sides(PAIRS, CONFIG)
    again = Sides.from_dict(sides.to_dict())
    assert again.to_dict() == sides.to_dict()
    assert again.target.text(sides.target.encode(list("xyz"))[:-1].tolist()) == "xyz"
    assert sides.target.unknown_rate(["xq"]) == 0.5
