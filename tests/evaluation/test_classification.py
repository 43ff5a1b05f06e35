"""Classification metrics against scikit-learn, against published cases, and as laws."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.errors import ShapeError
from mnemonist.evaluation import classification as metrics
from mnemonist.evaluation.reliability import (
    TemperatureScaling,
    expected_calibration_error,
    reliability_curve,
    softmax,
)


def drawn(seed, count=80, classes=4, sharpness=1.0):
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.normal(size=(count, classes))
    return generator.integers(0, classes, size=count), logits


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_scikit_learn(seed):
    truth, logits = drawn(seed)
    probabilities = softmax(logits)
    predicted = probabilities.argmax(axis=1)
    assert metrics.accuracy(truth, predicted) == reference.accuracy_score(truth, predicted)
    assert metrics.balanced_accuracy(truth, predicted) == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    assert metrics.log_loss(truth, probabilities) == pytest.approx(
        reference.log_loss(truth, probabilities, labels=range(4))
    )
    np.testing.assert_array_equal(
        metrics.confusion_matrix(truth, predicted, 4),
        reference.confusion_matrix(truth, predicted, labels=range(4)),
    )
    table = reference.precision_recall_fscore_support(truth, predicted, labels=range(4))
    scores = metrics.class_scores(truth, predicted, list("abcd"))
    for k, score in enumerate(scores):
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx(
            [column[k] for column in table]
        )
    assert metrics.f1_score(truth, predicted) == pytest.approx(np.mean([s.f1 for s in scores]))
    assert metrics.f1_score(truth, predicted, "micro") == pytest.approx(
        metrics.accuracy(truth, predicted)
    )


def test_the_brier_score_of_two_classes_is_twice_the_binary_one():
    truth, logits = drawn(0, classes=2)
    probabilities = softmax(logits)
    binary = reference.brier_score_loss(truth, probabilities[:, 1])
    assert metrics.brier_score(truth, probabilities) == pytest.approx(2 * binary)


def test_a_class_that_is_nowhere_has_no_score():
    score = metrics.class_scores([0, 0], [0, 0], ["a", "b"])[1]
    assert np.isnan([score.precision, score.recall, score.f1]).all()
    assert score.support == 0


def test_top_losses_are_the_most_confident_mistakes_first():
    truth = [0, 1, 1, 0]
    probabilities = [[0.9, 0.1], [0.99, 0.01], [0.6, 0.4], [0.5, 0.5]]
    found = metrics.top_losses(truth, probabilities, 2)
    assert [(one.index, one.truth, one.predicted) for one in found] == [(1, 1, 0), (2, 1, 0)]
    assert found[0].loss == pytest.approx(-np.log(0.01))


def test_the_calibration_error_by_hand():
    # two bins are filled: 0.65 sure and 2/4 right, 0.95 sure and 6/6 right
    probabilities = np.array([[0.65, 0.35]] * 4 + [[0.05, 0.95]] * 6)
    truth = [0, 0, 1, 1] + [1] * 6
    expected = 0.4 * abs(0.5 - 0.65) + 0.6 * abs(1 - 0.95)
    assert expected_calibration_error(truth, probabilities, bins=10) == pytest.approx(expected)
    curve = reliability_curve(truth, probabilities, bins=10)
    assert curve.counts.tolist() == [0, 0, 0, 0, 0, 0, 4, 0, 0, 6]
    assert np.isnan(curve.accuracy[0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), bins=st.integers(1, 30), sharpness=st.floats(0.01, 30))
def test_calibration_errors_are_bounded_and_one_bin_compares_the_means(seed, bins, sharpness):
    truth, logits = drawn(seed, sharpness=sharpness)
    probabilities = softmax(logits)
    error = expected_calibration_error(truth, probabilities, bins)
    right = probabilities.argmax(axis=1) == truth
    whole = abs(right.mean() - probabilities.max(axis=1).mean())
    assert whole - 1e-12 <= error <= 1
    assert expected_calibration_error(truth, probabilities, 1) == pytest.approx(whole)
    assert reliability_curve(truth, probabilities, bins).counts.sum() == len(truth)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_the_temperature_that_spoilt_the_logits_is_found(temperature):
    generator = np.random.default_rng(5)
    honest = 2 * generator.normal(size=(6000, 3))
    truth = np.array([generator.choice(3, p=row) for row in softmax(honest)])
    scaling = TemperatureScaling().fit(temperature * honest, truth)
    assert scaling.temperature == pytest.approx(temperature, rel=0.06)
    spoilt, mended = softmax(temperature * honest), scaling.probabilities(temperature * honest)
    assert metrics.log_loss(truth, mended) <= metrics.log_loss(truth, spoilt) + 1e-9
    assert expected_calibration_error(truth, mended) < 0.02
    np.testing.assert_array_equal(spoilt.argmax(axis=1), mended.argmax(axis=1))
    again = TemperatureScaling.from_dict(scaling.to_dict())
    np.testing.assert_array_equal(again.probabilities(honest), scaling.probabilities(honest))


def test_no_other_temperature_is_better():
    generator = np.random.default_rng(3)
    honest = generator.normal(size=(300, 4))
    truth = np.array([generator.choice(4, p=row) for row in softmax(honest)])
    logits = 4 * honest
    best = TemperatureScaling().fit(logits, truth)
    loss = metrics.log_loss(truth, best.probabilities(logits))
    for factor in (0.9, 0.99, 1.01, 1.1):
        other = TemperatureScaling(best.temperature * factor)
        assert metrics.log_loss(truth, other.probabilities(logits)) > loss


@pytest.mark.parametrize(
    ("truth", "probabilities", "message"),
    [
        ([], np.zeros((0, 2)), "n >= 1"),
        ([0, 1], [[0.5, 0.5]], "n >= 1"),
        ([2], [[0.5, 0.5]], "have 2 classes"),
        ([-1], [[0.5, 0.5]], "from -1"),
        ([0], [[0.5, 0.4]], "sum to 1"),
    ],
)
def test_probabilities_that_are_none(truth, probabilities, message):
    with pytest.raises(ShapeError, match=message):
        metrics.log_loss(truth, probabilities)
