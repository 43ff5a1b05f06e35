"""Baselines against what they should find exactly, and against independent implementations."""

import numpy as np
import pytest

from mnemonist.data import Series, SeriesSet, Windows, bundled_path, load_series, split
from mnemonist.errors import ConfigError
from mnemonist.evaluation import (
    ETS,
    Baseline,
    Drift,
    LastValue,
    LinearAutoregression,
    MLPTime,
    MLPWindows,
    ResidualQuantiles,
    SeasonalNaive,
    coverage,
    default_baselines,
    mae,
)


def parts(data, window, horizon):
    cut = split(data)
    return [
        Windows(data, window, horizon, ranges=part) for part in (cut.train, cut.valid, cut.test)
    ]


def test_seasonal_naive_is_exact_on_a_periodic_series_beyond_one_season():
    data = SeriesSet.from_arrays(np.tile([3.0, 1, 4, 1, 5], 30), season=5)
    train, _, test = parts(data, 3, 12)
    np.testing.assert_array_equal(SeasonalNaive().fit(train).predict(test), test.targets)
    assert mae(test.targets, LastValue().predict(test)) > 1


def test_drift_is_exact_on_a_line_for_every_series():
    data = SeriesSet.from_arrays([2.0 * np.arange(80), 100 - 0.5 * np.arange(60)])
    train, _, test = parts(data, 3, 7)
    np.testing.assert_allclose(Drift().fit(train).predict(test), test.targets)


def test_linear_autoregression_equals_scikit_learns_least_squares():
    from sklearn.linear_model import LinearRegression

    random = np.random.default_rng(0)
    known, unknown = random.normal(size=(2, 400, 2))
    target = random.normal(size=400).cumsum() + known @ [1.0, -2.0]
    data = SeriesSet([Series("", target, None, known, unknown)])
    train, _, test = parts(data, 6, 4)

    def design(windows):
        count = len(windows)
        return np.concatenate(
            [windows.inputs.reshape(count, -1), windows.future_known.reshape(count, -1)], axis=1
        )

    other = LinearRegression().fit(design(train), train.targets).predict(design(test))
    np.testing.assert_allclose(LinearAutoregression().fit(train).predict(test), other, atol=1e-8)


def test_linear_autoregression_uses_what_is_known_of_the_future():
    random = np.random.default_rng(1)
    known = random.normal(size=(300, 1))
    data = SeriesSet([Series("", 3 * known[:, 0] + 5, None, known)])
    train, _, test = parts(data, 2, 5)
    np.testing.assert_allclose(LinearAutoregression().fit(train).predict(test), test.targets)


def test_linear_autoregression_with_more_weights_than_rows_stays_finite():
    data = SeriesSet.from_arrays(np.random.default_rng(0).normal(size=60).cumsum() + 1e6)
    train, _, test = parts(data, 25, 3)
    forecast = LinearAutoregression().fit(train).predict(test)
    assert np.abs(forecast - test.targets).max() < 1000


def test_linear_autoregression_in_batches_is_the_same(monkeypatch):
    from mnemonist.evaluation import regression

    train, _, test = parts(SeriesSet.from_arrays(np.random.default_rng(2).normal(size=300)), 5, 2)
    whole = LinearAutoregression().fit(train).predict(test)
    monkeypatch.setattr(regression, "_BATCH", 17)
    np.testing.assert_allclose(LinearAutoregression().fit(train).predict(test), whole, atol=1e-10)


def test_mlp_on_windows_learns_a_wave_and_repeats_itself():
    data = SeriesSet.from_arrays(1000 + 50 * np.sin(np.arange(400) / 4.0))
    train, _, test = parts(data, 8, 1)
    forecast = MLPWindows((25, 15, 5), seed=1).fit(train).predict(test)
    assert mae(test.targets, forecast) < 3
    again = MLPWindows((25, 15, 5), seed=1).fit(train).predict(test)
    np.testing.assert_array_equal(forecast, again)


def test_mlp_on_time_fits_the_past_and_cannot_continue_a_wave():
    steps = np.arange(300)
    data = SeriesSet.from_arrays(1000 + 50 * np.sin(2 * np.pi * steps / 75))
    train, _, test = parts(data, 2, 1)
    model = MLPTime((100, 50, 25), max_iter=1500).fit(train)
    assert mae(train.targets, model.predict(train)) < 12
    assert mae(test.targets, model.predict(test)) > 20


def test_ets_continues_like_statsmodels_state_space_form():
    pytest.importorskip("statsmodels")
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    from mnemonist.evaluation.smoothing import _fit

    random = np.random.default_rng(0)
    steps = np.arange(120)
    values = 50 + 0.3 * steps + 8 * np.sin(2 * np.pi * steps / 12) + random.normal(size=120)
    ours = _fit(values, 12)
    model = ETSModel(
        values, error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=12,
        initialization_method="known", initial_level=ours.level, initial_trend=ours.trend,
        initial_seasonal=ours.seasonal,
    )  # fmt: skip
    names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    weights = (ours.alpha, ours.alpha * ours.beta, ours.gamma, ours.phi)
    assert tuple(model.param_names) == names
    other = model.smooth(np.array(weights)).forecast(24)
    np.testing.assert_allclose(ours.forecasts(values, 24)[-1], other, rtol=1e-6)


def test_ets_forecasts_each_origin_from_its_past_only():
    pytest.importorskip("statsmodels")
    data = load_series(bundled_path("elnino"))
    train, _, test = parts(data, 12, 6)
    model = ETS().fit(train)
    whole = model.predict(test)
    end = int(test.origins[10]) + 1
    cut = Windows.ahead(SeriesSet.from_arrays(data.series[0].target[:end]), 12, 6)
    np.testing.assert_allclose(model.predict(cut)[0], whole[10])
    assert mae(test.targets, whole) < mae(test.targets, LastValue().predict(test))


def test_a_baseline_fitted_on_other_series_refuses():
    pytest.importorskip("statsmodels")
    one = parts(SeriesSet.from_arrays(np.arange(60.0)), 2, 2)[0]
    two = parts(SeriesSet.from_arrays([np.arange(60.0), np.arange(60.0)]), 2, 2)[0]
    for model in (MLPTime((4,), max_iter=5), ETS()):
        with pytest.raises(ConfigError, match="same series"):
            model.fit(one).predict(two)


def test_every_default_baseline_keeps_the_contract_and_forecasts_after_the_end():
    data = load_series(bundled_path("elnino"))
    train, _, test = parts(data, 12, 4)
    baselines, skipped = default_baselines(train, windows_layers=(8,), time_layers=(8,))
    assert "seasonal naive" in [baseline.name for baseline in baselines]
    assert len({baseline.name for baseline in baselines}) == len(baselines)
    assert all("ETS" in reason for reason in skipped)
    ahead = Windows.ahead(data, 12, 4)
    for baseline in baselines:
        assert isinstance(baseline, Baseline)
        baseline.fit(train)
        assert baseline.predict(test).shape == test.targets.shape
        assert np.isfinite(baseline.predict(ahead)).all()


def test_several_seasons_give_several_seasonal_baselines():
    data = SeriesSet([Series("", np.random.default_rng(0).normal(size=400))], seasons=(24, 168))
    names = [one.name for one in default_baselines(Windows(data, 4, 2))[0]]
    assert names[1:3] == ["seasonal naive (24)", "seasonal naive (168)"]


def test_residual_intervals_hold_their_level_on_exchangeable_errors():
    random = np.random.default_rng(3)
    errors = random.exponential(size=(4000, 2)) * [1.0, 5.0] - 1
    quantiles = ResidualQuantiles(0.8).fit(errors[:2000], np.zeros((2000, 2)))
    lower, upper = quantiles.interval(np.zeros((2000, 2)))
    held = coverage(errors[2000:], lower, upper, axis=0)
    np.testing.assert_allclose(held, 0.8, atol=0.03)
    assert (upper - lower)[0, 1] > 3 * (upper - lower)[0, 0]
