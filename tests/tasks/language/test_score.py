"""Results: what is counted, beside which baselines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.tasks.language.conftest import QUICK, sentences

from mnemonist import LanguageModel
from mnemonist.decoding.ngram import KneserNey, Unigram
from mnemonist.tasks.language import job
from mnemonist.tasks.language.tables import by_frequency, by_position, most_surprising
from mnemonist.training import Silent


def test_bits_per_character_counts_line_breaks_and_perplexity_line_ends(
    streams: LanguageModel, lines: LanguageModel
) -> None:
    text = sentences()[-30:]
    characters, breaks = sum(map(len, text)), len(text)
    for model in (streams, lines):
        found = model.evaluation_
        row = next(row for row in found.table.rows if row.kind == "network")
        bits = found.network.sum()
        assert row.values["bits per character"] == pytest.approx(bits / (characters + breaks))
        assert row.values["line breaks not counted"] == pytest.approx(bits / characters)
        assert row.values["perplexity"] == pytest.approx(2 ** (bits / len(found.network)))
    assert len(streams.evaluation_.network) == characters + breaks
    assert len(lines.evaluation_.network) == sum(len(line.split()) for line in text) + breaks


def test_baselines_are_n_grams_on_the_same_tokens(
    streams: LanguageModel, lines: LanguageModel
) -> None:
    parts = streams._done().plan.resolved.parts
    size = len(parts.train.vocabulary)
    expected = KneserNey(6).fit(parts.train.ids, size).perplexity(parts.test.ids)
    row = next(r for r in streams.evaluation_.table.rows if r.name == "Kneser-Ney, order 6")
    assert row.values["perplexity"] == pytest.approx(expected)
    parts = lines._done().plan.resolved.parts
    size, eos = len(parts.train.vocabulary), parts.train.vocabulary.eos
    train = [sentence[:-1] for sentence in parts.train.sentences()]
    test = [sentence[:-1] for sentence in parts.test.sentences()]
    row = next(r for r in lines.evaluation_.table.rows if r.name == "unigram")
    assert row.values["perplexity"] == pytest.approx(
        Unigram().fit(train, size, eos=eos).perplexity(test)
    )


def test_a_network_that_learnt_the_grammar_is_near_its_entropy() -> None:
    model = LanguageModel(
        mode="sentences", tokens="words", hidden_size=24, epochs=8, learning_rate=0.03, test=200
    ).fit(sentences(1500))
    found = model.evaluation_
    per_line = found.network.sum() / len(found.part)
    entropy = 2 * np.log2(5) + np.log2(4)
    assert entropy - 0.2 < per_line < entropy + 0.3
    assert found.tone in ("even", "good")


def test_another_text_is_measured_whole(lines: LanguageModel) -> None:
    other = lines.evaluate(["the cat sees the dog", "zebras dance"])
    assert len(other.part) == 2
    assert other.part.statistics().unknown == 2
    json.dumps(other.to_dict(), allow_nan=False)


def test_curves_and_surprising_lines_come_from_the_same_numbers(streams: LanguageModel) -> None:
    found = streams.evaluation_
    place = by_position(found)
    first = found.network[found.part.offsets[:-1]].mean()
    if len(found.part) >= 50:
        assert place.bits["LSTM"][0] == pytest.approx(first)
    counts = streams._done().plan.resolved.parts.train.counts()
    frequency = by_frequency(found, counts)
    total = (frequency.bits["LSTM"] * frequency.counts).sum()
    assert total <= found.network.sum() + 1e-6
    worst = most_surprising(found, 3)
    assert [one[1] for one in worst] == sorted((one[1] for one in worst), reverse=True)
    assert all(text in sentences() for *_, text in worst)


def test_baselines_may_count_less_and_say_so() -> None:
    model = LanguageModel(**QUICK, steps=20, test=30, baseline_tokens=1000).fit(sentences())
    (note,) = model.evaluation_.notes
    assert "baseline_tokens" in note


def test_of_a_long_test_part_the_beginning_is_measured(
    streams: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, predictor = streams._done().plan, streams._fitted()
    monkeypatch.setattr(job, "_MOST_MEASURED", 200)
    found = made.measure(predictor, made.baselines(Silent()))
    assert 150 < len(found.network) <= 200
    np.testing.assert_allclose(found.network, streams.evaluation_.network[: len(found.network)])
    assert "measured on the first" in found.notes[0]
