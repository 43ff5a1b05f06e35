"""Conformal intervals: the guarantee itself, and bounds worked out by hand."""

import numpy as np
import pytest

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.evaluation import ConformalQuantiles, SplitConformal, coverage
from mnemonist.evaluation.calibration import conformal_quantile


def test_the_rank_is_that_of_the_paper():
    scores = np.arange(1.0, 21.0)
    # ⌈21 · 0.9⌉ = 19.
    assert conformal_quantile(scores, 0.9) == 19
    # Too few scores for the level: the largest.
    assert conformal_quantile(scores[:5], 0.9) == 5


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_split_conformal_holds_at_least_its_level_on_average(level):
    random = np.random.default_rng(0)
    held = []
    for _ in range(400):
        calibration, new = random.standard_t(3, size=(19, 1)), random.standard_t(3, size=(20, 1))
        conformal = SplitConformal(level).fit(calibration, np.zeros((19, 1)))
        held.append(coverage(new, *conformal.interval(np.zeros((20, 1)))))
    exact = np.ceil(20 * level) / 20
    assert np.mean(held) == pytest.approx(exact, abs=0.02)


def test_conformal_quantiles_mend_intervals_that_are_too_narrow_or_too_wide():
    random = np.random.default_rng(1)
    truth = random.normal(size=(4000, 3)) * [1.0, 2.0, 3.0]
    for width in (0.1, 20.0):
        lower, upper = np.full((4000, 3), -width), np.full((4000, 3), width)
        conformal = ConformalQuantiles(0.9).fit(truth[:2000], lower[:2000], upper[:2000])
        low, high = conformal.interval(lower[2000:], upper[2000:])
        np.testing.assert_allclose(coverage(truth[2000:], low, high, axis=0), 0.9, atol=0.03)
        again = ConformalQuantiles.from_dict(conformal.to_dict())
        np.testing.assert_array_equal(
            again.interval(lower, upper), conformal.interval(lower, upper)
        )


def test_bounds_that_would_cross_meet():
    conformal = ConformalQuantiles(0.5).fit(
        np.zeros((9, 1)), np.full((9, 1), -4.0), np.full((9, 1), 4.0)
    )
    low, high = conformal.interval(np.array([[1.0]]), np.array([[2.0]]))
    assert low == high == 1.5


def test_split_conformal_survives_json():
    conformal = SplitConformal(0.8).fit(np.arange(20.0).reshape(10, 2), np.zeros((10, 2)))
    again = SplitConformal.from_dict(conformal.to_dict())
    np.testing.assert_array_equal(
        again.interval(np.zeros((1, 2))), conformal.interval(np.zeros((1, 2)))
    )


def test_bad_levels_and_empty_scores():
    with pytest.raises(ConfigError, match="between 0 and 1"):
        SplitConformal(90)
    with pytest.raises(ShapeError, match="no scores"):
        SplitConformal().fit(np.empty((0, 2)), np.empty((0, 2)))
