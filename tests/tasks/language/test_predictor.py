"""Surprisal and samples of a trained network: what must hold whatever it has learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mnemonist import LanguageModel
from mnemonist.decoding import Sampler
from mnemonist.errors import ConfigError
from mnemonist.tasks.language import predictor as module
from mnemonist.tasks.language.predictor import Predictor


def by_steps(predictor: Predictor, ids: np.ndarray, first: int) -> np.ndarray:
    """-ln p of every token by the recurrence itself, one token after the other."""
    model, state, found, read = predictor.model, None, [], first
    with torch.no_grad():
        for token in ids:
            hidden, state = model(torch.tensor([[read]]), state)
            found.append(-model.softmax.log_probs(hidden)[0, 0, token].item())
            read = int(token)
    return np.array(found)


def test_sentences_of_any_lengths_are_scored_as_one_by_one(
    streams: LanguageModel, lines: LanguageModel
) -> None:
    texts = ["the cat sees a dog", "a", "", "the man knows the man", "xyz the cat"]
    for model in (streams, lines):
        predictor = model._fitted()
        start = predictor.eos if model is streams else len(predictor.vocabulary)
        for text, found in zip(texts, model.score(texts), strict=True):
            (ids,) = predictor.encode([text])
            assert found.tokens[-1] == "<eos>"
            expected = by_steps(predictor, ids, start) / np.log(2)
            for place in np.flatnonzero(ids == predictor.vocabulary.unk):
                word = predictor.tokenizer.tokenize(text)[place]
                expected[place] += predictor.spelling.bits(word)
            np.testing.assert_allclose(found.surprisal, expected, rtol=1e-4, atol=1e-5)
            assert found.bits == pytest.approx(expected.sum(), rel=1e-4)


def test_the_zero_input_before_a_sentence_is_zero_and_stays_so(lines: LanguageModel) -> None:
    embedding = lines._fitted().model.embedding
    assert embedding.weight[-1].eq(0).all()
    assert embedding.weight[:-1].abs().sum(1).gt(0).all()


def test_a_stream_is_scored_with_its_state_carried_on(streams: LanguageModel) -> None:
    predictor = streams._fitted()
    ids = streams._done().plan.resolved.parts.test.ids
    np.testing.assert_allclose(
        predictor.stream(ids), by_steps(predictor, ids, predictor.eos), rtol=1e-4, atol=1e-5
    )
    before = ids[:37]
    after = predictor.stream(ids[37:], before)
    whole = by_steps(predictor, ids, predictor.eos)[37:]
    np.testing.assert_allclose(after, whole, rtol=2e-3, atol=1e-3)


def test_pieces_side_by_side_know_what_stands_before_them(
    streams: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = streams._fitted()
    ids = streams._done().plan.resolved.parts.train.ids[:1500]
    one = predictor.stream(ids)
    monkeypatch.setattr(module, "_PIECE", 400)
    several = predictor.stream(ids)
    assert len(several) == len(ids)
    np.testing.assert_allclose(several, one, rtol=1e-2, atol=1e-2)


def test_the_same_seed_writes_the_same_text_and_it_goes_on_from_the_prompt(
    streams: LanguageModel, lines: LanguageModel
) -> None:
    for model in (streams, lines):
        assert model.sample("the", seed=3, length=40) == model.sample("the", seed=3, length=40)
        texts = {model.sample(seed=seed, length=40) for seed in range(5)}
        assert len(texts) > 1
    verbs = ("sees", "hears", "likes", "knows")
    assert lines.sample("the cat", temperature=0, length=1) in [f" {verb}" for verb in verbs]
    assert lines.sample("the cat ", temperature=0, length=1) in verbs


def test_lines_end_samples(streams: LanguageModel, lines: LanguageModel) -> None:
    assert streams.sample(seed=1, length=10_000, lines=3).count("\n") == 3
    assert lines.sample(seed=1, length=10_000).count("\n") == 1
    assert lines.sample(seed=1, length=10_000, lines=4).count("\n") == 4
    assert len(streams.sample(seed=1, length=17)) == 17
    with pytest.raises(ConfigError, match="lines=0"):
        lines.sample(lines=0)


def test_pieces_of_a_text_are_the_text(streams: LanguageModel, lines: LanguageModel) -> None:
    for model, after in ((streams, "the c"), (lines, "the cat"), (lines, "\n"), (lines, "a\nthe")):
        predictor = model._fitted()
        ids = list(predictor.sample(after, seed=4, length=60, lines=3))
        pieces = list(predictor.pieces(ids, after))
        assert len(pieces) == len(ids)
        whole = predictor.encode((after + "".join(pieces)).split("\n"))
        before = np.concatenate(predictor.encode(after.split("\n")))[:-1]
        assert np.concatenate(whole)[:-1].tolist() == [*before, *ids]
        assert predictor.text(ids, after) == "".join(pieces)


def test_drawn_tokens_have_the_probabilities_that_scores_tell(lines: LanguageModel) -> None:
    predictor = lines._fitted()
    ids = list(predictor.sample(sampler=Sampler(temperature=0), length=50))
    log_probs = -by_steps(predictor, np.array(ids), predictor.start)
    assert ids[-1] == predictor.eos
    for at in range(len(ids) - 1):  # greedy: no other token is likelier
        other = [*ids[:at], (ids[at] + 1) % len(predictor.vocabulary)]
        assert -by_steps(predictor, np.array(other), predictor.start)[at] <= log_probs[at] + 1e-5


def test_what_the_vocabulary_lacks_is_unknown_and_counted(lines: LanguageModel) -> None:
    (found,) = lines.score(["the 彪 sees the cat"])
    assert found.unknown == 1
    assert found.tokens[1] == "<unk>"
    assert "彪" not in lines._fitted().vocabulary
    longer, known = (lines.score([f"the {word} sees the cat"])[0] for word in ("彪彪彪", "cat"))
    assert known.bits < found.bits < longer.bits
    assert dict(lines.surprisal("the cat"))["<eos>"] > 0
