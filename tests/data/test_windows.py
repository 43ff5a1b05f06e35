"""Windows, splits and scalers: the laws that keep the future out of training."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnemonist.data import Scaler, Series, SeriesScaler, SeriesSet, Windows, split
from mnemonist.errors import ConfigError, DataError

sizes = st.integers(1, 6)


def numbered(lengths, known=1, unknown=1):
    """Series whose every cell is its own number: series, step and column can be read off."""
    series = []
    for k, length in enumerate(lengths):
        steps = 1000.0 * k + np.arange(length)
        covariates = [steps[:, None] + 0.1 * np.arange(1, n + 1) for n in (known, unknown)]
        series.append(Series(str(k), steps, None, covariates[0], covariates[1]))
    return SeriesSet(series)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), sizes, sizes, st.integers(1, 4))
def test_windows_are_what_a_loop_would_cut(lengths, window, horizon, stride):
    data = numbered(lengths)
    expected = []
    for k, one in enumerate(data.series):
        for end in range(window - 1, len(one) - horizon, stride):
            past, future = slice(end - window + 1, end + 1), slice(end + 1, end + 1 + horizon)
            columns = [one.target[past, None], one.unknown[past], one.known[past]]
            inputs = np.concatenate(columns, axis=1)
            expected.append((k, end, inputs, one.known[future], one.target[future]))
    if not expected:
        with pytest.raises(DataError, match="no window fits"):
            Windows(data, window, horizon, stride=stride)
        return
    windows = Windows(data, window, horizon, stride=stride)
    assert len(windows) == len(expected)
    for column, actual in enumerate(
        (
            windows.series_index,
            windows.origins,
            windows.inputs,
            windows.future_known,
            windows.targets,
        )
    ):
        np.testing.assert_array_equal(actual, np.stack([one[column] for one in expected]))


def test_a_thousand_points_with_window_five_make_995_pairs():
    windows = Windows(SeriesSet.from_arrays(np.arange(1000.0)), window=5, horizon=1)
    assert windows.inputs.shape == (995, 5, 1)
    assert windows.targets.shape == (995, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(48, 90), min_size=1, max_size=3), sizes, sizes)
def test_parts_do_not_share_targets_and_training_sees_nothing_later(lengths, window, horizon):
    data = numbered(lengths)
    parts = split(data)
    train, valid, test = (
        Windows(data, window, horizon, ranges=part)
        for part in (parts.train, parts.valid, parts.test)
    )
    seen = [set(part.targets.ravel()) for part in (train, valid, test)]
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]
    for k, (_, stop) in enumerate(parts.train):
        mine = train.series_index == k
        for array in (train.inputs[mine], train.targets[mine], train.future_known[mine]):
            assert array.max() < 1000 * k + stop
    # The first test window reaches back for its inputs, so no target of the part is lost.
    first = test.targets[test.series_index == 0][0, 0]
    assert first == parts.test[0][0]


@pytest.mark.parametrize(("valid", "test"), [(0.5, 0.5), (1.0, 0.2), (-0.1, 0.2), (10, 90)])
def test_splits_that_leave_no_training_are_refused(valid, test):
    with pytest.raises(ConfigError):
        split(SeriesSet.from_arrays(np.arange(100.0)), valid, test)


def test_a_split_by_steps():
    parts = split(SeriesSet.from_arrays([np.arange(100.0), np.arange(50.0)]), valid=10, test=20)
    assert parts.train == [(0, 70), (0, 20)]
    assert parts.test == [(80, 100), (30, 50)]
    assert parts.describe() == "train 90, validation 20, test 40 steps"


def test_the_window_after_the_end_has_known_covariates_and_no_targets():
    steps = np.arange(6.0)
    series = Series("", steps, None, steps[:, None], future_known=np.array([[6.0], [7.0], [8.0]]))
    ahead = Windows.ahead(SeriesSet([series], known_names=("plan",)), window=2, horizon=2)
    assert ahead.inputs.tolist() == [[[4.0, 4.0], [5.0, 5.0]]]
    assert ahead.future_known.tolist() == [[[6.0], [7.0]]]
    assert np.isnan(ahead.targets).all()
    assert ahead.origins.tolist() == [5]
    with pytest.raises(DataError, match="has 6 steps, and the window is 7"):
        Windows.ahead(SeriesSet([series]), window=7, horizon=2)


def test_past_targets_reach_beyond_the_window_and_stop_at_the_start():
    windows = Windows(SeriesSet.from_arrays([np.arange(5.0), 10 + np.arange(5.0)]), 2, 1)
    past = windows.past_targets(np.array([0, 3]))
    assert past[2].tolist() == [3.0, 0.0]
    assert np.isnan(past[0, 1])
    assert np.isnan(past[3, 1])


values = arrays(
    np.float64, st.integers(2, 40), elements=st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
)


@settings(max_examples=100, deadline=None)
@given(values, st.sampled_from(["minmax", "standard", "none"]))
def test_inverse_of_transform_is_the_identity_to_rounding(array, kind):
    scaler = Scaler(kind).fit([array])
    size = np.abs(array).max() + 1e-300
    again = Scaler.from_dict(scaler.to_dict()).inverse(scaler.transform(array))
    np.testing.assert_allclose(again, array, rtol=1e-12, atol=1e-14 * size)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(1e-3, 1e6)))
def test_log_inverts_and_forecasts_positive(array):
    scaler = Scaler("log").fit([array])
    np.testing.assert_allclose(scaler.inverse(scaler.transform(array)), array, rtol=1e-9)
    assert (scaler.inverse(np.array([-5.0, 5.0])) > 0).all()


@settings(max_examples=50, deadline=None)
@given(values)
def test_minmax_fills_the_interval(array):
    scaled = Scaler("minmax").fit([array]).transform(array)
    assert np.abs(scaled).max() <= 1 + 1e-9
    if np.ptp(array) > 1e-3:
        np.testing.assert_allclose([scaled.min(), scaled.max()], [-1, 1], atol=1e-9)


def test_log_refuses_what_is_not_positive():
    with pytest.raises(DataError, match="needs positive values; the smallest of 'load' is -1"):
        Scaler("log").fit([np.array([2.0, -1.0])], name="'load'")


def test_an_unfitted_scaler_and_an_unknown_series_are_refused():
    with pytest.raises(ConfigError, match="not fitted"):
        Scaler().transform(np.arange(3.0))
    scaler = Scaler(per_series=True).fit([np.arange(3.0)], ["north"])
    with pytest.raises(DataError, match="has not seen the series 'south'"):
        scaler.transform(np.arange(3.0), "south")


@pytest.mark.parametrize("per_series", [False, True])
def test_statistics_come_from_the_training_part_only(per_series):
    data = numbered([60, 80], known=2)
    parts = split(data)
    changed = data.with_series(
        [
            Series(one.id, *(_after(array, stop) for array in (one.target,)), None,
                   _after(one.known, stop), _after(one.unknown, stop))
            for one, (_, stop) in zip(data.series, parts.train, strict=True)
        ]
    )  # fmt: skip
    fitted = [
        SeriesScaler.fit(split(one), target="standard", per_series=per_series).to_dict()
        for one in (data, changed)
    ]
    assert fitted[0] == fitted[1]


def _after(array, stop):
    """The array with everything after the training part blown up."""
    array = array.copy()
    array[stop:] *= 1e6
    return array


def test_forecasts_of_several_series_return_to_their_own_units():
    data = SeriesSet.from_arrays([np.arange(50.0), 1000 * np.arange(50.0)])
    parts = split(data)
    scaler = SeriesScaler.fit(parts, per_series=True)
    scaled = Windows(scaler.apply(data), 4, 3, ranges=parts.test)
    raw = Windows(data, 4, 3, ranges=parts.test)
    np.testing.assert_allclose(scaler.inverse(scaled.targets, scaled.ids), raw.targets, rtol=1e-12)
    quantiles = np.repeat(scaled.targets[:, :, None], 5, axis=2)
    np.testing.assert_allclose(
        scaler.inverse(quantiles, scaled.ids)[:, :, 3], raw.targets, rtol=1e-12
    )
    again = SeriesScaler.from_dict(scaler.to_dict())
    np.testing.assert_array_equal(
        again.inverse(scaled.targets, scaled.ids), scaler.inverse(scaled.targets, scaled.ids)
    )


def test_a_frame_of_the_future_is_scaled_like_the_past():
    frame = pd.DataFrame({"day": pd.date_range("2024", periods=40), "plan": np.arange(40.0)})
    frame["load"] = np.r_[np.arange(35.0) ** 2, [np.nan] * 5]
    from mnemonist.data import SeriesConfig, load_series

    data = load_series(frame, SeriesConfig(target="load", known=("plan",)))
    parts = split(data, 5, 5)
    scaled = SeriesScaler.fit(parts).apply(data)
    line = np.r_[scaled.series[0].known[:, 0], scaled.known_after(0, 5)[:, 0]]
    np.testing.assert_allclose(np.diff(line), line[1] - line[0])
