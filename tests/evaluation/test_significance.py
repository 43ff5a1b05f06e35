"""Diebold-Mariano, the block bootstrap and residuals: sizes, published forms, known answers."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import t as student

from mnemonist.errors import DataError, ShapeError
from mnemonist.evaluation import bootstrap_interval, diebold_mariano, residual_autocorrelation


def by_hand(d, h):
    """The statistic in exact fractions, squared: Harvey, Leybourne & Newbold 1997, equation 9."""
    d = [Fraction(int(value)) for value in d]
    n = len(d)
    mean = sum(d) / n
    gamma = [sum((d[t] - mean) * (d[t - k] - mean) for t in range(k, n)) / n for k in range(h)]
    variance = (gamma[0] + 2 * sum(gamma[1:])) / n
    return mean**2 / variance * (n + 1 - 2 * h + Fraction(h * (h - 1), n)) / n


@pytest.mark.parametrize("h", [1, 2, 4])
def test_the_statistic_is_that_of_the_paper_in_exact_fractions(h):
    losses = np.array([4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2])
    other = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5, 2, 3, 5, 3])
    test = diebold_mariano(losses, other, horizon=h)
    exact = by_hand(losses - other, h)
    assert test.statistic**2 == pytest.approx(float(exact))
    assert test.p_value == pytest.approx(2 * student.sf(abs(test.statistic), 19))
    assert test.difference == pytest.approx(0.7)


def test_with_one_step_it_is_the_t_test_of_the_differences():
    from scipy.stats import ttest_1samp

    random = np.random.default_rng(0)
    a, b = random.random((2, 50))
    other = ttest_1samp(a - b, 0)
    test = diebold_mariano(a, b)
    # γ_0 has n, the t-test n - 1; the correction (n - 1) / n makes them equal.
    assert test.statistic == pytest.approx(other.statistic)
    assert test.p_value == pytest.approx(other.pvalue)


def test_it_is_antisymmetric_and_takes_losses_by_horizon():
    random = np.random.default_rng(1)
    a, b = random.random((2, 60, 4))
    one, two = diebold_mariano(a, b), diebold_mariano(b, a)
    assert one.statistic == pytest.approx(-two.statistic)
    assert one.p_value == pytest.approx(two.p_value)
    flat = diebold_mariano(a.mean(axis=1), b.mean(axis=1), horizon=4)
    assert flat.statistic == pytest.approx(one.statistic)


def test_its_size_under_the_null_with_overlapping_horizons():
    random = np.random.default_rng(2)
    rejected = []
    for _ in range(600):
        noise = random.normal(size=203)
        d = noise[3:] + noise[2:-1] + noise[1:-2] + noise[:-3]  # MA(3), as errors 4 steps ahead are
        rejected.append(diebold_mariano(d + 10, np.full(200, 10.0), horizon=4).p_value < 0.05)
    assert 0.02 < np.mean(rejected) < 0.09


def test_a_negative_variance_is_said_and_mended():
    d = np.tile([1.0, -1.0], 20) + 0.1
    test = diebold_mariano(d + 5, np.full(40, 5.0), horizon=2)
    assert "Bartlett" in test.note
    assert np.isfinite(test.statistic)
    assert 0 <= test.p_value <= 1


def test_equal_losses_and_constant_differences():
    losses = np.random.default_rng(3).random(30)
    assert diebold_mariano(losses, losses).p_value == 1
    constant = diebold_mariano(np.full(30, 2.0), np.full(30, 1.0))
    assert (constant.p_value, constant.statistic) == (0, np.inf)


def test_no_test_without_enough_origins():
    with pytest.raises(DataError, match=r"20 origins are too few .* at horizon 12; it needs 24"):
        diebold_mariano(np.arange(20.0), np.ones(20), horizon=12)
    with pytest.raises(ShapeError, match="must be equal"):
        diebold_mariano(np.ones(20), np.ones(21))


def test_the_block_bootstrap_is_wider_than_independent_draws_for_dependent_errors():
    random = np.random.default_rng(4)
    errors = np.empty(600)
    errors[0] = 0
    for k in range(1, 600):
        errors[k] = 0.9 * errors[k - 1] + random.normal()
    losses = np.abs(errors)
    blocks = bootstrap_interval(losses, block=40)
    single = bootstrap_interval(losses, block=1)
    assert blocks.upper - blocks.lower > 1.8 * (single.upper - single.lower)
    assert blocks.lower < losses.mean() < blocks.upper


def test_the_bootstrap_covers_the_true_mean_of_independent_losses():
    random = np.random.default_rng(5)
    held = 0
    for k in range(200):
        interval = bootstrap_interval(random.exponential(size=80), block=1, resamples=300, seed=k)
        held += interval.lower <= 1 <= interval.upper
    assert 0.88 <= held / 200 <= 0.98


def test_same_seed_same_interval_and_any_statistic():
    losses = np.random.default_rng(6).random((50, 3))
    assert bootstrap_interval(losses, seed=1) == bootstrap_interval(losses, seed=1)
    assert bootstrap_interval(losses, seed=1) != bootstrap_interval(losses, seed=2)
    root = bootstrap_interval(losses**2, statistic=lambda rows: float(np.sqrt(rows.mean())))
    assert root.lower < np.sqrt((losses**2).mean()) < root.upper
    mean = bootstrap_interval(losses, statistic=lambda rows: float(rows.mean()))
    fast = bootstrap_interval(losses)
    assert (fast.lower, fast.upper) == (pytest.approx(mean.lower), pytest.approx(mean.upper))
    flat = bootstrap_interval(np.full(30, 2.5))
    assert (flat.lower, flat.upper) == (2.5, 2.5)


@pytest.mark.parametrize("count", [4, 9, 16, 40])
def test_the_interval_lies_around_the_measure_however_few_the_origins(count):
    losses = np.linspace(1, 3, count)[:, None] * np.ones(9)  # a trend: the ends differ
    interval = bootstrap_interval(losses)
    assert interval.lower < losses.mean() < interval.upper


def test_blocks_stay_within_a_series():
    losses = np.r_[np.zeros(10), np.ones(10)]
    groups = np.repeat([0, 1], 10)
    values = set()

    def note(rows):
        values.update(rows[k : k + 5].mean() for k in range(0, 20, 5))
        return 0.0

    bootstrap_interval(losses, block=5, groups=groups, statistic=note, resamples=50)
    assert values == {0.0, 1.0}
    with pytest.raises(ShapeError, match="groups has 3 entries for 20"):
        bootstrap_interval(losses, groups=[1, 2, 3])


def test_residual_autocorrelation_is_statsmodels_and_speaks():
    acf = pytest.importorskip("statsmodels.tsa.stattools").acf
    random = np.random.default_rng(7)
    noise = random.normal(size=300)
    found = residual_autocorrelation(noise, 20)
    np.testing.assert_allclose(found.values, acf(noise, nlags=20)[1:], atol=1e-12)
    assert found.band == pytest.approx(1.96 / np.sqrt(300))
    assert "look like noise" in found.sentence()
    weekly = noise + 2 * (np.arange(300) % 7 == 0)
    assert "at lag 7 " in residual_autocorrelation(weekly, 13).sentence()
    with pytest.raises(ShapeError):
        residual_autocorrelation(np.ones((5, 5)))
