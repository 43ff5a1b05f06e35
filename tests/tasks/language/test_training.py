"""Batches, the loss, and what is decided from the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.tasks.language.conftest import QUICK, sentences

from mnemonist import LanguageModel
from mnemonist.cells import resolve
from mnemonist.data.text import Characters, TokenCorpus
from mnemonist.errors import ConfigError, DataError, ShapeError
from mnemonist.tasks.common.config import configured, nested
from mnemonist.tasks.language.batches import SentenceBatches, TokenStreams
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.model import LanguageNetwork, LanguageObjective, build
from mnemonist.tasks.language.resolve import operations
from mnemonist.training import StreamBatches


def network(**options: object) -> LanguageNetwork:
    options = {"hidden_size": 5, "embedding_size": 4, "softmax": "full", "tie": False, **options}
    config = configured(LanguageConfig, nested(LanguageConfig, options))
    return build(config, 9, resolve(config.cell))


def test_streams_from_disk_are_those_from_memory() -> None:
    ids = np.random.default_rng(0).integers(0, 9, 101).astype(np.int32)
    ours = TokenStreams(ids, batch_size=3, steps=7)
    tokens = torch.from_numpy(ids.astype(np.int64))
    theirs = StreamBatches({"read": tokens[:-1], "next": tokens[1:]}, batch_size=3, steps=7)
    assert len(ours) == len(theirs)
    for index in range(len(ours)):
        one, other = ours.batch(0, index), theirs.batch(0, index)
        assert all(one[name].equal(other[name]) for name in ("read", "next"))
        assert ours.continues(0, index) == theirs.continues(0, index)
    with pytest.raises(ShapeError, match="more than 3 tokens"):
        TokenStreams(ids[:3], batch_size=3, steps=7)


def test_every_sentence_is_read_from_the_start_token_to_its_end() -> None:
    corpus = TokenCorpus.build(["ab", "", "cab"], Characters())
    batches = SentenceBatches(corpus, 2, start=9, seed=0, shuffle=True)
    seen = []
    for index in range(len(batches)):
        batch = batches.batch(0, index)
        for row, length in enumerate(batch["lengths"].tolist()):
            read, after = batch["read"][:length, row], batch["next"][:length, row]
            assert read[0] == 9
            assert read[1:].equal(after[:-1])
            assert after[-1] == corpus.vocabulary.eos
            seen.append(after.tolist())
    assert sorted(seen) == sorted(sentence.tolist() for sentence in corpus.sentences())


def test_the_loss_is_the_sum_of_surprisals_without_padding() -> None:
    model, objective = network().eval(), LanguageObjective()
    read, after = torch.randint(0, 9, (6, 3)), torch.randint(0, 9, (6, 3))
    lengths = torch.tensor([6, 2, 4])
    batch = {"read": read, "next": after, "lengths": lengths}
    options = {"carried": None, "forcing": 1.0, "generator": torch.Generator()}
    result = objective.loss(model, batch, **options)
    expected = 0.0
    for row, length in enumerate(lengths):
        hidden, _ = model(read[:length, row : row + 1])
        expected += model.softmax.surprisal(hidden, after[:length, row : row + 1]).sum().item()
    assert result.weight == 12
    assert result.total.item() == pytest.approx(expected, rel=1e-5)


def test_a_stream_in_pieces_has_the_loss_of_the_whole() -> None:
    model, objective = network().eval(), LanguageObjective()
    ids = np.random.default_rng(1).integers(0, 9, 41).astype(np.int32)
    options = {"forcing": 1.0, "generator": torch.Generator()}
    whole = objective.loss(model, TokenStreams(ids, 2, 20).batch(0, 0), carried=None, **options)
    batches, carried, total = TokenStreams(ids, 2, 6), None, 0.0
    for index in range(len(batches)):
        result = objective.loss(model, batches.batch(0, index), carried=carried, **options)
        carried, total = result.carried, total + result.total.item()
    assert total == pytest.approx(whole.total.item(), rel=1e-5)


def test_penalties_are_of_training_only() -> None:
    model = network()
    batch = TokenStreams(np.arange(41) % 9, 2, 20).batch(0, 0)
    options = {"carried": None, "forcing": 1.0, "generator": torch.Generator()}
    plain = LanguageObjective().loss(model, batch, **options).total
    more = LanguageObjective(activation=2.0).loss(model, batch, **options).total
    slower = LanguageObjective(temporal=2.0).loss(model, batch, **options).total
    hidden, _ = model(batch["read"])
    assert (more - plain).item() == pytest.approx(2 * 40 * hidden.square().mean().item(), rel=1e-3)
    change = hidden.diff(dim=0).square().mean().item()
    assert (slower - plain).item() == pytest.approx(2 * 40 * change, rel=1e-3)
    model.eval()
    plain = LanguageObjective().loss(model, batch, **options).total
    assert LanguageObjective(2.0, 2.0).loss(model, batch, **options).total.equal(plain)


@pytest.mark.parametrize(
    "options",
    [
        {"softmax": "adaptive"},
        {"tie": True, "embedding_size": 6, "num_layers": 2, "dropout": 0.2},
        {"embedding_dropout": 0.2, "input_dropout": 0.2, "output_dropout": 0.2},
        {"cell": "gru", "weight_dropout": 0.3, "activation_penalty": 1.0, "temporal_penalty": 1.0},
        {"mode": "sentences", "zoneout": 0.1, "variational_dropout": 0.1},
    ],
)
def test_every_remedy_learns(options: dict[str, object]) -> None:
    model = LanguageModel(**{**QUICK, "steps": 20, **options}).fit(sentences())
    losses = model.history_.column("valid_loss")
    assert losses[-1] < losses[0] < math.log(len(model._fitted().vocabulary)) + 0.5


@pytest.mark.parametrize("tokens", ["words", "spaces", "subwords"])
def test_other_tokens(tokens: str) -> None:
    if tokens == "subwords":
        pytest.importorskip("sentencepiece")
    model = LanguageModel(
        **QUICK, tokens=tokens, steps=10, vocabulary_size=60 if tokens == "subwords" else None
    ).fit(sentences())
    assert model.evaluation_.table.metrics[0] == "bits per character"
    written = model.sample(seed=2, length=30)
    assert set(written) <= set("\n".join(sentences()))


def test_what_is_chosen_is_said_and_bounds_the_time() -> None:
    made = LanguageModel(token_budget=10_000, steps=20).plan(sentences())
    notes = [finding.message for finding in made.findings if finding.code == "note"]
    tokens = len(made.resolved.parts.train.ids)
    assert made.config.training.epochs == math.ceil(10_000 / tokens)
    assert any("token_budget" in note for note in notes)
    assert any(note.startswith("batches: ") for note in notes)
    assert made.config.order == 6


@pytest.mark.parametrize("num_layers", [1, 3])
def test_an_update_is_six_operations_a_weight_and_token(num_layers: int) -> None:
    options = {"num_layers": num_layers, "softmax": "full", "tie": False, "embedding_size": 4}
    config = configured(LanguageConfig, nested(LanguageConfig, {"hidden_size": 5, **options}))
    model = build(config, 9, resolve("lstm"))
    layers = [*model.recurrent.named_parameters(), *model.softmax.named_parameters()]
    matrices = sum(weight.numel() for _, weight in layers if weight.dim() == 2)
    assert operations(config, 9) == 6 * matrices


def test_texts_that_are_too_short_are_refused() -> None:
    with pytest.raises((DataError, ConfigError), match=r"tokens|leave none"):
        LanguageModel().plan(["one line"])
    with pytest.raises(ConfigError, match="not trained"):
        LanguageModel().score(["a"])


def test_a_stream_that_starts_anew_forgets_what_it_carried() -> None:
    model, generator = network(), torch.Generator().manual_seed(0)
    batch = {"read": torch.arange(8).view(4, 2), "next": torch.arange(1, 9).view(4, 2)}
    carried = {name: torch.ones(1, 2, 5) for name in model.recurrent.state_sizes}

    def loss(fresh: float, state: dict[str, torch.Tensor] | None) -> float:
        objective = LanguageObjective(fresh=fresh)
        found = objective.loss(model, batch, carried=state, forcing=1.0, generator=generator)
        return float(found.total.detach())

    assert loss(0.0, carried) != loss(0.0, None)
    assert loss(1.0, carried) == pytest.approx(loss(1.0, None))
    model.eval()
    assert loss(1.0, carried) == loss(0.0, carried)
