"""Baseline classifiers: warping against a plain recursion, features by hand, one interface."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.errors import ConfigError, DataError, ShapeError
from mnemonist.evaluation.classifiers import (
    Classifier,
    Majority,
    NearestNeighbourDTW,
    NGrams,
    PositionalOneHot,
    SummaryFeatures,
    default_classifiers,
    series_features,
)
from mnemonist.evaluation.dtw import dtw_distances


def plain_dtw(x, y, radius=np.inf):
    table = np.full((len(x) + 1, len(y) + 1), np.inf)
    table[0, 0] = 0
    for i in range(len(x)):
        for j in range(len(y)):
            if abs(i - j) <= radius:
                least = min(table[i, j + 1], table[i + 1, j], table[i, j])
                table[i + 1, j + 1] = ((x[i] - y[j]) ** 2).sum() + least
    return table[-1, -1]


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 9),
    lengths=st.lists(st.integers(1, 11), min_size=1, max_size=5),
    width=st.integers(1, 3),
    band=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_all_warping_distances_are_those_of_the_plain_recursion(n, lengths, width, band, seed):
    generator = np.random.default_rng(seed)
    one = generator.normal(size=(n, width))
    others = [generator.normal(size=(m, width)) for m in lengths]
    expected = [
        plain_dtw(
            one,
            other,
            np.inf
            if band is None
            else max(np.ceil(band * max(n, len(other))), abs(n - len(other))),
        )
        for other in others
    ]
    np.testing.assert_allclose(dtw_distances(one, others, band), expected)


def test_warping_does_not_see_pace():
    slow = np.repeat(np.sin(np.arange(10.0)), 3)[:, None]
    assert dtw_distances(slow, [np.sin(np.arange(10.0))[:, None]]).tolist() == [0.0]


def test_without_room_to_warp_it_is_the_squared_euclidean_distance():
    one, other = np.random.default_rng(0).normal(size=(2, 8, 3))
    assert dtw_distances(one, [other], band=0.0) == pytest.approx(((one - other) ** 2).sum())


def test_series_that_cannot_be_warped():
    with pytest.raises(ShapeError, match=r"\(0, 1\)"):
        dtw_distances(np.zeros((0, 1)), [np.zeros((2, 1))])
    with pytest.raises(ShapeError, match=r"\(2, 2\)"):
        dtw_distances(np.zeros((3, 1)), [np.zeros((2, 2))])
    with pytest.raises(ConfigError, match="band=2"):
        dtw_distances(np.zeros((3, 1)), [np.zeros((3, 1))], band=2)


def chirps(count, seed):
    """Rising and falling tones of different lengths."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    items = []
    for label in labels:
        time = np.linspace(0, 1, generator.integers(15, 30))
        phase = 8 * (time**2 if label else 1 - (1 - time) ** 2)
        items.append((np.sin(phase) + 0.05 * generator.normal(size=len(time)))[:, None])
    return items, labels


@pytest.mark.parametrize(
    "model", [NearestNeighbourDTW(), NearestNeighbourDTW(0.3, scale=True),
              SummaryFeatures(), SummaryFeatures("forest")], ids=lambda model: model.name
)  # fmt: skip
def test_baselines_for_series_tell_rising_from_falling_tones(model):
    items, labels = chirps(40, seed=1)
    others, truth = chirps(30, seed=2)
    found = model.fit(items, labels).predict_proba(others)
    assert (found.argmax(axis=1) == truth).mean() >= 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_baselines_for_symbols_find_a_motif_at_a_place_and_anywhere():
    generator = np.random.default_rng(0)

    def strings(count, fixed):
        labels = np.arange(count) % 2
        items = []
        for label in labels:
            letters = generator.choice(list("ACGT"), size=40)
            at = 20 if fixed else generator.integers(0, 35)
            letters[at : at + 5] = list("TATAA" if label else "GCGCG")
            items.append("".join(letters))
        return items, labels

    for model, fixed in ((PositionalOneHot(), True), (NGrams("symbols", (2, 5)), False)):
        found = model.fit(*strings(200, fixed)).predict_proba((test := strings(60, fixed))[0])
        assert (found.argmax(axis=1) == test[1]).mean() >= 0.9


def test_n_grams_of_chinese_characters_need_no_words():
    texts = ["这本书很好", "非常好看", "写得很好", "质量太差", "太差了", "内容很差"]
    model = NGrams("characters", (1, 2)).fit(texts, [1, 1, 1, 0, 0, 0])
    assert model.predict_proba(["好书", "差评"]).argmax(axis=1).tolist() == [1, 0]


def test_of_long_training_text_every_so_manieth_item_is_taken():
    texts, labels = ["good", "bad"] * 9, [1, 0] * 9
    model = NGrams(max_characters=25)
    assert model.step(texts) == 3
    every_third = NGrams().fit(texts[::3], labels[::3])
    np.testing.assert_array_equal(
        model.fit(texts, labels).predict_proba(texts), every_third.predict_proba(texts)
    )


EXAMPLES = {
    "text": ["so good", "so bad", "very good", "very bad", "good", "bad"],
    "symbols": ["ACGT", "TTTT", "ACGA", "TTTA", "ACGG", "TTTG"],
    "series": [
        np.full((5 + k, 2), float(k % 2)) + 0.1 * np.arange(5 + k)[:, None] for k in range(6)
    ],
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_baseline_has_one_interface_and_knows_classes_that_training_lacks(kind):
    items, labels = EXAMPLES[kind], [0, 2, 0, 2, 0, 2]
    models, _ = default_classifiers(kind, items, tested=items)
    assert len(models) >= 3
    for model in models:
        assert isinstance(model, Classifier)
        assert model.fit(items, labels, 4) is model
        found = model.predict_proba(items)
        assert found.shape == (6, 4)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found[:, [1, 3]] == 0).all()
        assert model.predict_proba(items[:0]).shape == (0, 4)
        np.testing.assert_array_equal(found, model.fit(items, labels, 4).predict_proba(items))
        only = model.fit(items, [1] * 6, 2).predict_proba(items)
        np.testing.assert_allclose(only, [[0, 1]] * 6)


def test_the_majority_is_as_sure_as_it_is_common():
    assert Majority().fit(range(10), [0] * 7 + [1] * 3).predict_proba([0]).tolist() == [[0.7, 0.3]]


def test_what_would_take_too_long_or_does_not_fit_is_left_out_and_said():
    long = [np.zeros((2000, 3))] * 50
    models, skipped = default_classifiers("series", long, tested=long)
    assert not any(isinstance(model, NearestNeighbourDTW) for model in models)
    assert "more than the bound of 4e+09" in skipped[0]
    _, skipped = default_classifiers("symbols", ["ACG", "ACGT"])
    assert skipped == ["symbols by place: the strings have lengths from 3 to 4"]
    with pytest.raises(DataError, match="more than 10 features"):
        PositionalOneHot(max_features=10).fit(["ACGT", "TGCA"], [0, 1])


@settings(max_examples=30, deadline=None)
@given(steps=st.integers(1, 12), width=st.integers(1, 3), seed=st.integers(0, 99))
def test_features_of_any_series_are_finite_and_move_with_it(steps, width, seed):
    item = np.random.default_rng(seed).normal(size=(steps, width))
    one, moved = series_features([item, item + 3.0])
    assert one.shape == (13 * width + 1,)
    assert np.isfinite(one).all()
    one, moved = one[1:].reshape(width, 13), moved[1:].reshape(width, 13)
    shifted = [0, 2, 3, 4, 5, 6, 8, 9]
    np.testing.assert_allclose(moved[:, shifted], one[:, shifted] + 3.0)
    others = [1, 7, 10, 11]
    np.testing.assert_allclose(moved[:, others], one[:, others], atol=1e-9)
