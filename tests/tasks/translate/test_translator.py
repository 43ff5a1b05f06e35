"""Stories of a translator in Python: fitted, used, measured, brought back; and its laws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mnemonist import Translator
from mnemonist.data.parallel import ParallelSet
from mnemonist.errors import ConfigError, DataError, MissingExtraError, ShapeError
from mnemonist.tasks.translate import resolve, score
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.plan import check, plan

DIGITS = "零一二三四五六七八九"
SMALL: dict[str, Any] = {"hidden_size": 8, "embedding_size": 8, "epochs": 1}


def readings(count: int) -> ParallelSet:
    """Numbers of three digits and how they are said, the last digit first."""
    return ParallelSet.from_pairs(
        (f"{k:03}", "".join(DIGITS[int(one)] for one in f"{k:03}"[::-1])) for k in range(count)
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    made = Translator(
        hidden_size=32, embedding_size=16, epochs=14, learning_rate=0.02, dropout=0.0, beam=3
    )
    return made.fit(readings(600), run=tmp_path_factory.mktemp("runs") / "r")


def network_values(fitted: Translator) -> dict[str, float]:
    rows = fitted.evaluation_.table.rows
    return dict(next(row for row in rows if row.kind == "network").values)


def test_what_no_baseline_can_is_learnt(fitted: Translator) -> None:
    assert network_values(fitted)["exact"] > 0.9
    found = fitted.evaluation_
    assert (found.tone, fitted.plan(readings(600)).metric) == ("good", "exact")
    assert {row.name for row in found.table.rows} == {
        "LSTM",
        "copy the source",
        "most frequent target",
        "nearest training source",
    }
    assert fitted.predict(["123"]) == ["三二一"]


def test_a_translation_does_not_depend_on_its_company(fitted: Translator) -> None:
    sources = ["1", "22", "345", "6789", "", "98765432"]
    together = fitted.translate(sources, n_best=2)
    for source, found in zip(sources, together, strict=True):
        (alone,) = fitted.translate([source], n_best=2)
        assert [one.text for one in alone] == [one.text for one in found]
        assert [one.score for one in alone] == pytest.approx([one.score for one in found])


def test_a_score_is_the_mean_log_probability_of_the_tokens(fitted: Translator) -> None:
    (best,) = fitted.translate(["407"], n_best=3)
    assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)
    assert len({one.text for one in best}) == 3
    predictor = fitted._fitted()
    for one in best:
        sums, counts = predictor.losses(["407"], [one.text], forcing=1.0)
        assert one.score == pytest.approx(-sums.sum() / counts.sum(), abs=1e-4)


def test_one_beam_takes_the_likeliest_token_each_time(fitted: Translator) -> None:
    predictor = fitted._fitted()
    for source in ("048", "351"):
        ((found,),) = fitted.translate([source], beam=1)
        read = predictor.sides.source.encode(predictor.read(source))[:, None]
        with torch.no_grad():
            decoded = predictor.model(read, steps=len(found.tokens) + 1)
        assert decoded.tokens is not None
        numbers = decoded.tokens[:, 0].tolist()
        assert predictor.sides.target.vocabulary.decode(numbers) == [*found.tokens, "<eos>"]


def test_where_its_own_words_are_right_nothing_is_lost(fitted: Translator) -> None:
    said = fitted.predict(["314", "159"], beam=1)
    predictor = fitted._fitted()
    forced, counts = predictor.losses(["314", "159"], said, forcing=1.0)
    free, _ = predictor.losses(["314", "159"], said, forcing=0.0)
    np.testing.assert_allclose(forced, free, atol=1e-5)
    assert counts.tolist() == [2, 2, 2, 2]
    exposure = fitted.evaluation_.exposure
    assert exposure.losses[0] == pytest.approx(
        float((exposure.forced * exposure.counts).sum() / exposure.counts.sum())
    )


def test_attention_is_a_distribution_over_the_source(fitted: Translator) -> None:
    source, target, weights = fitted.attention("407")
    assert source == ["4", "0", "7", "<eos>"]
    assert target == ["七", "零", "四", "<eos>"]
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    _, other, _ = fitted.attention("407", "五")
    assert other == ["五", "<eos>"]


def test_a_run_comes_back_with_the_same_translations(fitted: Translator) -> None:
    assert fitted.report_path is not None
    again = Translator.load(fitted.report_path.parent)
    sources = ["004", "577", "?", ""]
    assert again.translate(sources, n_best=2) == fitted.translate(sources, n_best=2)
    with pytest.raises(ConfigError, match="mnemonist eval"):
        again.evaluate()


def test_the_report_shows_what_was_read_and_written(fitted: Translator) -> None:
    assert fitted.report_path is not None
    page = fitted.report_path.read_text(encoding="utf-8")
    for said in (
        "nearest training source",
        "What else it found",
        "What it looks at",
        "own words",
        "零",
    ):
        assert said in page
    table = (fitted.report_path.parent / "predictions.csv").read_text(encoding="utf-8")
    assert len(table.splitlines()) == 1 + len(fitted.evaluation_.sources)


def test_other_pairs_are_measured_with_all_their_references(fitted: Translator) -> None:
    pairs = [("123", "三二一"), ("123", "一百二十三"), ("45", "?")]
    found = fitted.evaluate(ParallelSet.from_pairs(pairs))
    assert found.sources == ["123", "45"]
    assert found.references == [["三二一", "一百二十三"], ["?"]]
    assert network_values(fitted)["exact"] <= 1.0
    assert found.scores["exact"].value == 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "gru", "attention": "general"},
        {"attend": "before", "bidirectional": False},
        {"attention": "none", "num_layers": 2, "connection": "residual"},
        {"cell": "elman", "zoneout": 0.1, "label_smoothing": 0.1},
        {"teacher_forcing": {"schedule": "linear", "floor": 0.2, "slope": 0.1}},
    ],
)
def test_every_network_can_be_trained_and_loaded(options: dict[str, Any], tmp_path: Path) -> None:
    made = Translator(**{**SMALL, **options}).fit(readings(60), run=tmp_path / "r")
    again = Translator.load(tmp_path / "r")
    assert again.predict(["042"], beam=2) == made.predict(["042"], beam=2)
    if options.get("attention") == "none":
        with pytest.raises(ConfigError, match="no attention"):
            made.attention("042")


def test_the_same_seed_gives_the_same_bits() -> None:
    one, other = (Translator(**SMALL).fit(readings(60))._fitted().model for _ in range(2))
    for name, value in one.state_dict().items():
        assert value.equal(other.state_dict()[name]), name


def test_pairs_of_equal_length_are_trained_too() -> None:
    pairs = ParallelSet.from_pairs((f"{k:02}", f"{k:02}"[::-1]) for k in range(60))
    assert Translator(**SMALL).fit(pairs).history_.epochs == 1


def test_less_training_data_leave_the_test_part_as_it_is() -> None:
    whole, half = (
        plan(readings(200), TranslateConfig(share=share, target_tokens="characters"))
        for share in (1.0, 0.5)
    )
    assert half.parts.test.sources == whole.parts.test.sources
    assert half.parts.valid.sources == whole.parts.valid.sources
    assert len(half.parts.train) == len(whole.parts.train) / 2
    assert set(half.parts.train.sources) < set(whole.parts.train.sources)


SENTENCES = ParallelSet.from_pairs(
    (f"我今天买了{k}个苹果。", f"Today I bought {k} red Apples .") for k in range(100, 180)
)


def test_each_side_is_cut_as_its_script_asks() -> None:
    config = plan(SENTENCES, TranslateConfig()).config
    assert (config.source_tokens, config.target_tokens) == ("characters", "words")
    assert (config.lowercase, config.measure, config.language) == ("none", "BLEU", "")
    config = plan(SENTENCES.swapped(), TranslateConfig()).config
    assert (config.source_tokens, config.target_tokens) == ("words", "characters")
    assert (config.lowercase, config.measure, config.language) == ("source", "BLEU", "zh")
    assert plan(readings(60).swapped(), TranslateConfig()).config.measure == "exact"


def test_unknown_words_are_told_and_never_written() -> None:
    found = check(SENTENCES, TranslateConfig(min_count=2))
    (unknown,) = (one for one in found if one.code == "unknown-tokens")
    assert "cannot write" in unknown.message
    made = Translator(**SMALL, min_count=2).fit(SENTENCES)
    assert "<unk>" not in " ".join(made.predict(SENTENCES.sources, beam=2))


def test_without_sacrebleu_exact_match_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (resolve, score):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    made = plan(SENTENCES, TranslateConfig())
    assert made.metric == "exact"
    assert any("sacrebleu is not installed" in one.message for one in made.findings)
    found = Translator(**SMALL).fit(SENTENCES).evaluation_
    assert list(found.table.metrics) == ["exact"]
    with pytest.raises(MissingExtraError, match="sacrebleu"):
        plan(SENTENCES, TranslateConfig(measure="BLEU"))


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(DataError, match="left for the results"):
        plan(readings(60), TranslateConfig(test=0.0))
    with pytest.raises(ConfigError, match="lower min_count"):
        plan(readings(60), TranslateConfig(source_tokens="words", min_count=3))
    with pytest.raises(DataError, match="more than 2 tokens"):
        plan(readings(60), TranslateConfig(max_tokens=2))
    with pytest.raises(ShapeError, match="a list of texts"):
        Translator(**SMALL).fit(readings(60)).translate("123")
    with pytest.raises(ConfigError, match="not trained"):
        Translator().predict(["1"])


def test_long_pairs_are_left_out_and_said() -> None:
    pairs = ParallelSet.from_pairs([*((f"{k:03}", "x") for k in range(60)), ("9" * 30, "y")])
    made = plan(pairs, TranslateConfig(max_tokens=20, valid=0.0, test=0.1, split_seed=1))
    assert any(one.code == "long-pairs" for one in made.findings)
    assert max(map(len, made.parts.train.sources)) == 3


def test_it_is_an_estimator() -> None:
    made = Translator("gru", hidden_size=8)
    assert clone(made).get_params() == made.get_params()
    with pytest.raises(ConfigError, match="did you mean 'attention'"):
        Translator(atention="dot")
