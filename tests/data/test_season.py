"""The seasonal period: proposed by the calendar, confirmed by the data."""

import numpy as np
import pytest

from mnemonist.data import bundled_path, load_series
from mnemonist.data.series.season import (
    autocorrelation,
    infer_season,
    infer_seasons,
    season_candidates,
)


def test_autocorrelation_equals_its_definition():
    values = np.random.default_rng(0).normal(size=50).cumsum()
    centred = values - values.mean()
    expected = [(centred[k:] * centred[: 50 - k]).sum() / (centred**2).sum() for k in range(11)]
    np.testing.assert_allclose(autocorrelation(values, 10), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("frequency", "season"),
    [("30min", 48), ("h", 24), ("D", 7), ("W-FRI", 52), ("MS", 12), ("QS-JAN", 4), ("10min", 144)],
)
def test_the_calendar_season_is_confirmed_with_noise_and_trend(frequency, season):
    random = np.random.default_rng(season)
    steps = np.arange(8 * season + 100)
    shape = random.normal(size=season)
    values = shape[steps % season] + 0.02 * steps + 0.3 * random.normal(size=len(steps))
    assert infer_season(values, frequency) == season


@pytest.mark.parametrize("frequency", ["30min", "D", "W-FRI", "MS", None])
def test_noise_and_random_walks_have_no_season(frequency):
    random = np.random.default_rng(1)
    seasons = []
    for _ in range(10):
        noise = random.normal(size=1000)
        seasons += [infer_season(noise, frequency), infer_season(noise.cumsum(), frequency)]
    assert sum(season is not None for season in seasons) <= 1


def test_a_cycle_that_no_calendar_knows_is_found():
    steps = np.arange(300)
    noise = np.random.default_rng(0).normal(size=300)
    assert infer_season(np.sin(2 * np.pi * steps / 11) + 0.2 * noise, "1") == 11
    assert infer_season(np.sin(2 * np.pi * steps / 11) + 0.2 * noise, None) == 11


def test_bundled_series():
    assert load_series(bundled_path("elnino")).season == 12
    assert load_series(bundled_path("refinery")).seasons == (52,)
    assert load_series(bundled_path("oil")).season is None


def test_a_longer_season_counts_only_where_it_says_more():
    random = np.random.default_rng(0)
    hours = np.arange(24 * 7 * 20)
    day = np.sin(2 * np.pi * hours / 24)
    weekend = (hours // 24 % 7 >= 5) * 1.0
    noise = 0.1 * random.normal(size=len(hours))
    assert infer_seasons(day + noise, "h") == (24,)
    assert infer_seasons(day - weekend + noise, "h") == (24, 168)


def test_candidates():
    assert season_candidates("B") == [5, 261]
    assert season_candidates("h") == [24, 168]
    assert season_candidates("YS-JAN") == []
    assert season_candidates("2h") == [12, 84]
