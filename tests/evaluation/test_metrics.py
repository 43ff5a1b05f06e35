"""Metrics against scikit-learn, closed forms and numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

from mnemonist.errors import ConfigError, DataError, ShapeError
from mnemonist.evaluation import (
    bias,
    coverage,
    crps_quantiles,
    interval_score,
    interval_width,
    mae,
    mase,
    mase_scale,
    pinball,
    rmse,
    smape,
)

tables = arrays(np.float64, (7, 3), elements=st.floats(-1e4, 1e4))


@settings(max_examples=25, deadline=None)
@given(tables, tables)
def test_mae_rmse_and_pinball_are_scikit_learns(truth, forecast):
    assert mae(truth, forecast) == pytest.approx(mean_absolute_error(truth, forecast))
    flat = root_mean_squared_error(truth.ravel(), forecast.ravel())
    assert rmse(truth, forecast) == pytest.approx(flat)
    for level in (0.1, 0.5, 0.9):
        expected = mean_pinball_loss(truth, forecast, alpha=level)
        assert pinball(truth, forecast, level) == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(tables, tables)
def test_by_horizon_means_to_the_whole(truth, forecast):
    for metric in (mae, bias, smape):
        by_horizon = metric(truth, forecast, axis=0)
        assert by_horizon.shape == (3,)
        assert by_horizon.mean() == pytest.approx(metric(truth, forecast))
    np.testing.assert_allclose(
        np.sqrt((rmse(truth, forecast, axis=0) ** 2).mean()), rmse(truth, forecast)
    )


def test_mase_by_hand():
    # Steps of two: |3-1|, |6-2|, |4-3| -> 7/3; the errors' mean is 2.
    scale = mase_scale([1.0, 2.0, 3.0, 6.0, 4.0], season=2)
    assert scale == pytest.approx(7 / 3)
    assert mase([10.0, 10.0], [11.0, 13.0], scale=scale) == pytest.approx(6 / 7)


def test_the_seasonal_naive_forecast_has_mase_one_on_its_own_training_part():
    values = np.random.default_rng(0).normal(size=50).cumsum()
    scale = mase_scale(values, season=4)
    assert mase(values[4:], values[:-4], scale=scale) == pytest.approx(1)


def test_mase_scale_of_several_series_counts_every_step():
    assert mase_scale([[0.0, 1.0, 2.0], [0.0, 4.0]]) == pytest.approx(2.0)


def test_mase_without_a_scale_says_why():
    with pytest.raises(DataError, match="more than 12 training values; the longest series has 5"):
        mase_scale(np.arange(5.0), season=12)
    with pytest.raises(DataError, match="no training value differs"):
        mase_scale(np.ones(9))


def test_smape_by_hand_and_its_bounds():
    assert smape([100.0], [50.0]) == pytest.approx(200 * 50 / 150)
    assert smape([1.0, 5.0], [0.0, -5.0]) == pytest.approx(200)
    assert smape([0.0], [0.0]) == 0


def test_crps_from_many_quantiles_is_the_gaussian_closed_form():
    levels = (np.arange(999) + 0.5) / 999
    for y in (-1.0, 0.0, 0.7, 3.0):
        exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
        value = crps_quantiles([y], norm.ppf(levels)[None], levels)
        assert value == pytest.approx(exact, abs=2e-3)


def test_intervals_by_hand():
    truth, lower, upper = [1.0, 2.0, 9.0, 0.0], [0.0, 2.0, 3.0, 1.0], [2.0, 4.0, 5.0, 3.0]
    assert coverage(truth, lower, upper) == 0.5
    assert interval_width(lower, upper) == 2.0
    # Two misses by 4 and by 1, each unit costs 2/0.2.
    assert interval_score(truth, lower, upper, 0.8) == pytest.approx(2 + 10 * 5 / 4)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ShapeError, match=r"truth has shape \(3,\), forecast \(2,\)"):
        mae([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ShapeError, match="empty"):
        rmse([], [])
    with pytest.raises(ShapeError, match="last axis must hold the 3 levels"):
        crps_quantiles([1.0], [[1.0, 2.0]], [0.1, 0.5, 0.9])
    with pytest.raises(ConfigError, match="between 0 and 1"):
        pinball([1.0], [1.0], 90)
