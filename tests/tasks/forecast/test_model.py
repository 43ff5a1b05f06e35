"""What the networks promise: sizes, equations, and forecasts that use nothing they must not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mnemonist.data.series import SeriesSet, Windows
from mnemonist.tasks.common.config import configured
from mnemonist.tasks.forecast import batches as batching
from mnemonist.tasks.forecast.batches import Layout, WindowBatches, steps_back
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.distributions import Quantiles, StudentT, distribution
from mnemonist.tasks.forecast.model import build

STRATEGIES = ("direct", "recursive", "seq2seq")
DISTRIBUTIONS = ("point", "quantiles", "student_t")


def made(config: ForecastConfig, layout: Layout) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(config, layout, config.cell).eval()


def some_batch(layout: Layout, rows: int = 60) -> dict[str, torch.Tensor]:
    values = np.random.default_rng(0).normal(size=rows)
    windows = Windows(SeriesSet.from_arrays(values), layout.window, layout.horizon)
    return WindowBatches(windows, layout).batch(0, 0)


def test_one_unit_and_window_two_make_five_parameters() -> None:
    config = configured(
        ForecastConfig,
        {"cell": "elman", "hidden_size": 1, "distribution": "point", "linear": False},
    )
    model = made(config, Layout(window=2, horizon=1))
    assert sum(p.numel() for p in model.parameters()) == 5


def test_two_units_on_one_feature_have_six_weights_and_two_biases() -> None:
    config = configured(
        ForecastConfig, {"cell": "elman", "hidden_size": 2, "distribution": "point"}
    )
    (cell,) = made(config, Layout(window=2, horizon=1)).recurrent.layers
    sizes = {name: p.numel() for name, p in cell.named_parameters()}
    biases = sum(count for name, count in sizes.items() if name.endswith(".b"))
    assert (sum(sizes.values()) - biases, biases) == (6, 2)


def test_a_thousand_points_at_window_five_make_995_pairs() -> None:
    windows = Windows(SeriesSet.from_arrays(np.sin(np.arange(1000.0))), 5, 1)
    assert len(WindowBatches(windows, Layout(5, 1)).positions) == 995


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stated", DISTRIBUTIONS)
def test_every_strategy_states_every_distribution(strategy: str, stated: str) -> None:
    config = configured(
        ForecastConfig, {"strategy": strategy, "distribution": stated, "hidden_size": 4}
    )
    layout = Layout(window=6, horizon=3, anchor="last")
    raw = made(config, layout)(some_batch(layout))
    assert raw.shape == (52, 3, distribution(config).size)
    assert torch.isfinite(raw).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("anchor", ["none", "last", "season"])
def test_a_forecast_never_reads_its_targets(strategy: str, anchor: str) -> None:
    config = configured(ForecastConfig, {"strategy": strategy, "hidden_size": 4})
    lags = () if strategy == "recursive" else (4,)
    layout = Layout(6, 3, lags=lags, season=4, anchor=anchor, window_lags=bool(lags))
    model, batch = made(config, layout), some_batch(layout)
    with torch.no_grad():
        before = model(batch)
        unknown = batch | {"targets": torch.full_like(batch["targets"], torch.nan)}
        assert torch.equal(model(unknown), before)


@pytest.mark.parametrize("strategy", ["recursive", "seq2seq"])
def test_full_teacher_forcing_reads_the_true_values_before_each_step(strategy: str) -> None:
    config = configured(
        ForecastConfig, {"strategy": strategy, "hidden_size": 4, "distribution": "point"}
    )
    layout = Layout(6, 4, anchor="last")
    model, batch = made(config, layout), some_batch(layout)
    with torch.no_grad():
        free, forced = model(batch), model(batch, forcing=1.0)
        assert torch.allclose(free[:, 0], forced[:, 0], atol=1e-6)
        # with its own forecasts as truth, forcing changes nothing
        own = batch | {"targets": free[..., 0]}
        assert torch.allclose(model(own, forcing=1.0), free, atol=1e-5)
        assert not torch.allclose(free[:, 1:], forced[:, 1:], atol=1e-3)


def test_half_teacher_forcing_is_drawn_from_the_generator() -> None:
    config = configured(ForecastConfig, {"strategy": "recursive", "hidden_size": 4})
    layout = Layout(6, 4)
    model, batch = made(config, layout), some_batch(layout)
    draws = [
        model(batch, forcing=0.5, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_centred_network_moves_with_the_level(strategy: str) -> None:
    config = configured(
        ForecastConfig, {"strategy": strategy, "hidden_size": 4, "distribution": "student_t"}
    )
    layout = Layout(6, 3, anchor="last", centred=True)
    model, batch = made(config, layout), some_batch(layout)
    moved = {name: value + 5 for name, value in batch.items() if name in _LEVELS} | {
        "known": batch["known"]
    }
    with torch.no_grad():
        low, high = model(batch), model(moved)
    assert torch.allclose(low[..., 0] + 5, high[..., 0], atol=1e-4)
    assert torch.allclose(low[..., 1:], high[..., 1:], atol=1e-4)


_LEVELS = ("inputs", "lags", "anchor", "targets")


def test_the_linear_path_starts_at_the_least_squares_solution() -> None:
    series = np.sin(np.arange(200) / 3) + 2
    layout = Layout(4, 3, anchor="last", centred=True)
    windows = WindowBatches(Windows(SeriesSet.from_arrays(series), 4, 3), layout)
    config = configured(ForecastConfig, {"hidden_size": 4, "distribution": "point", "linear": True})
    model = build(config, layout, "lstm")
    model.start_at(batching.straight_lines(windows, penalty=1e-12))
    batch = windows.batch(0, 0)
    with torch.no_grad():
        # a sine obeys a linear recurrence of two terms, so that this is exact
        assert torch.allclose(model(batch)[..., 0], batch["targets"], atol=1e-3)


def test_lags_beyond_the_horizon_wrap_to_the_last_known_season() -> None:
    layout = Layout(window=3, horizon=5, lags=(2,), season=3, anchor="season")
    windows = Windows(SeriesSet.from_arrays(np.arange(30.0)), 3, 5)
    batch = WindowBatches(windows, layout).batch(0, 0)
    origin = batch["inputs"][0, -1, 0]
    assert (batch["lags"][0, :, 0] - origin).tolist() == [-1, 0, -1, 0, -1]
    assert (batch["anchor"][0] - origin).tolist() == [-2, -1, 0, -2, -1]


def test_steps_back_never_reach_into_the_future() -> None:
    for lag in range(1, 9):
        for horizon in range(1, 20):
            back = steps_back(lag, horizon)
            assert (back >= 0).all()
            assert ((np.arange(1, horizon + 1) + back) % lag == 0).all()


def test_quantiles_rise_whatever_the_network_says() -> None:
    raw = 30 * torch.randn(1000, 5, generator=torch.Generator().manual_seed(0))
    values = Quantiles([0.025, 0.1, 0.5, 0.9, 0.975]).values(raw)
    assert (values.diff(dim=-1) >= 0).all()
    assert torch.equal(values[:, 2], raw[:, 0])


def test_pinball_loss_is_least_at_the_empirical_quantiles() -> None:
    target = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    quantiles = Quantiles([0.1, 0.5, 0.9])
    raw = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        (quantiles.loss(raw.expand(4000, 3), target) / 4000).backward()
        optimiser.step()
    expected = torch.quantile(target, torch.tensor([0.1, 0.5, 0.9]))
    assert torch.allclose(quantiles.values(raw.detach()), expected, atol=0.05)


def test_student_t_agrees_with_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(50, 3, generator=generator)
    target = torch.randn(50, generator=generator)
    location, scale, freedom = StudentT().parameters(raw)
    expected = -torch.distributions.StudentT(freedom, location, scale).log_prob(target).sum()
    assert torch.allclose(StudentT().loss(raw, target), expected, rtol=1e-5)
    low, high = StudentT().quantiles(raw, [0.1, 0.9]).T
    draws = torch.distributions.StudentT(freedom, location, scale).sample((20000,))
    inside = ((draws.numpy() > low) & (draws.numpy() < high)).mean()
    assert inside == pytest.approx(0.8, abs=0.01)
