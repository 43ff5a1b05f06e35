"""Translations: sacrebleu's own numbers, corpus scores of resamples, and the baselines."""

from __future__ import annotations

import builtins
from math import exp

import numpy as np
import pytest

from mnemonist.errors import MissingExtraError, ShapeError
from mnemonist.evaluation.resampling import paired_bootstrap
from mnemonist.evaluation.translation import bleu_tokenizer, detect_script, translation_scores
from mnemonist.evaluation.translation_baselines import (
    CopySource,
    MostFrequentTarget,
    NearestSource,
    TranslationBaseline,
    default_translation_baselines,
)

sacrebleu = pytest.importorskip("sacrebleu")

WORDS = ["the", "cat", "dog", "sat", "ran", "on", "a", "mat", "today", ",", "big", "red"]
SIGNS = list("我你他吃喝看苹果茶书，了的在")


def corpus(units, joined, rows=60, wrong=0.2, seed=0):
    random = np.random.default_rng(seed)
    references = [
        [units[k] for k in random.integers(len(units), size=random.integers(4, 12))]
        for _ in range(rows)
    ]
    translations = [
        [units[random.integers(len(units))] if random.random() < wrong else unit for unit in one]
        for one in references
    ]
    return [joined.join(one) for one in translations], [joined.join(one) for one in references]


@pytest.mark.parametrize(("units", "joined", "tokenizer"), [(WORDS, " ", "13a"), (SIGNS, "", "zh")])
def test_they_are_the_scores_of_sacrebleu(units, joined, tokenizer):
    translations, references = corpus(units, joined)
    scores = translation_scores(translations, references)
    bleu = sacrebleu.corpus_bleu(translations, [references], tokenize=tokenizer)
    chrf = sacrebleu.corpus_chrf(translations, [references])
    assert scores["BLEU"].value == pytest.approx(bleu.score)
    assert scores["chrF2"].value == pytest.approx(chrf.score)
    assert f"tok:{tokenizer}|smooth:exp|version:" in scores["BLEU"].signature
    assert scores["chrF2"].signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no")
    same = [one == other for one, other in zip(translations, references)]
    assert scores["exact"].value == pytest.approx(np.mean(same))
    assert 0 < scores["exact"].value < 1


def test_bleu_is_that_of_the_formula():
    """Papineni et al. (2002) by hand: 5 of 6, 3 of 5, 2 of 4, 1 of 3; c = 6, r = 7."""
    scores = translation_scores(["the cat sat on the rug"], ["the cat sat on the mat today"])
    by_hand = 100 * exp(1 - 7 / 6) * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert scores["BLEU"].value == pytest.approx(by_hand)


def test_sums_over_a_resample_are_the_scores_of_that_corpus():
    translations, references = corpus(WORDS, " ")
    scores = translation_scores(translations, references)
    drawn = np.random.default_rng(1).integers(60, size=(3, 60))
    for rows in drawn:
        again = translation_scores([translations[k] for k in rows], [references[k] for k in rows])
        for name, score in scores.items():
            (value,) = score.measure(score.statistics[rows].sum(0, keepdims=True))
            assert value == pytest.approx(again[name].value)


def test_intervals_lie_around_the_score_and_the_better_system_wins():
    good, references = corpus(WORDS, " ", wrong=0.1)
    bad, _ = corpus(WORDS, " ", wrong=0.5)
    first, second = (translation_scores(one, references) for one in (good, bad))
    for name, score in first.items():
        interval = score.interval(resamples=200)
        assert interval.lower < score.value < interval.upper
        other = second[name]
        test = paired_bootstrap(score.statistics, other.statistics, score.measure, resamples=200)
        assert test.difference == pytest.approx(score.value - other.value)
        assert test.p_value < 0.02
        assert paired_bootstrap(score.statistics, score.statistics, score.measure).p_value == 1


def test_any_of_several_references_will_do():
    translations = ["I'm glad to see you", "see you tomorrow"]
    references = [["nice to see you", "I'm glad to see you"], ["see you tomorrow"]]
    scores = translation_scores(translations, references)
    assert [round(score.value, 6) for score in scores.values()] == [100, 100, 1]
    assert "nrefs:var" in scores["BLEU"].signature


def test_nothing_right_is_zero_and_empty_translations_are_taken():
    scores = translation_scores(["", "zz"], ["a b c d", "a b c d"])
    assert [score.value for score in scores.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("zh", "zh"), ("ZH_tw", "zh"), ("yue-HK", "zh"), ("de", "13a"), ("", "13a"), ("my", "char")],
)
def test_the_tokenizer_is_that_of_the_language(language, tokenizer):
    assert bleu_tokenizer(language) == tokenizer


def test_japanese_is_cut_by_mecab_where_it_is_there(monkeypatch):
    for there, tokenizer in ((None, "char"), ("spec", "ja-mecab")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, there=there: there)
        assert bleu_tokenizer("ja-JP") == tokenizer


def test_the_script_tells_the_language_where_it_can():
    assert detect_script(["我用 Python 写程序。"]) == "zh"
    assert detect_script(["彼は東京大学に行った"]) == "ja"
    assert detect_script(["ฉันกินแอปเปิล"]) == "th"
    assert detect_script(["Ich esse 苹果 gern"]) == ""
    assert detect_script(["2026-11-22", ""]) == ""
    scores = translation_scores(["我吃苹果"], ["我吃苹果"], language="en")
    assert "tok:13a" in scores["BLEU"].signature


def test_without_sacrebleu_the_extra_is_named(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("sacrebleu"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'mnemonist\[text\]'"):
        translation_scores(["a"], ["a"])


@pytest.mark.parametrize(
    ("translations", "references"), [([], []), (["a"], []), (["a"], ["a", "b"]), (["a"], [[]])]
)
def test_numbers_that_do_not_fit_are_named(translations, references):
    with pytest.raises(ShapeError, match="translations and"):
        translation_scores(translations, references)


def test_the_nearest_source_is_the_one_by_plain_cosines():
    from sklearn.feature_extraction.text import TfidfVectorizer

    sources, _ = corpus(SIGNS, "", rows=80)
    asked, _ = corpus(SIGNS, "", rows=20, seed=5)
    targets = [f"target {k}" for k in range(80)]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)
    known = vectors.fit_transform(sources).toarray()
    expected = (vectors.transform(asked).toarray() @ known.T).argmax(1)
    found = NearestSource().fit(sources, targets).translate(asked)
    assert found == [targets[k] for k in expected]


def test_sources_are_asked_some_at_a_time(monkeypatch):
    sources, targets = corpus(WORDS, " ")
    whole = NearestSource().fit(sources, targets).translate(sources)
    monkeypatch.setattr("mnemonist.evaluation.translation_baselines._AT_ONCE", 7 * 60)
    assert NearestSource().fit(sources, targets).translate(sources) == whole
    assert sum(one == other for one, other in zip(whole, targets)) > 55


def test_every_baseline_translates_anything():
    for baseline in default_translation_baselines():
        assert isinstance(baseline, TranslationBaseline)
        fitted = baseline.fit(["ab", "cd", "ef"], ["x", "y", "y"])
        assert len(fitted.translate(["ab", "", "完全不同"])) == 3
        assert fitted.translate([]) == []
    assert CopySource().translate(["a"]) == ["a"]
    for baseline in (MostFrequentTarget(), NearestSource()):
        with pytest.raises(ShapeError, match="0 sources"):
            baseline.fit([], [])
