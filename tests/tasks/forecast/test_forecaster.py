"""The Python face: scikit-learn's manners, files, folders, cells of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from mnemonist import Forecaster
from mnemonist.cells import Cell
from mnemonist.errors import ConfigError, DataError

SMALL = {
    "horizon": 3,
    "window": 8,
    "hidden_size": 4,
    "epochs": 2,
    "window_layers": (2,),
    "time_layers": (2,),
}


class Halving(Cell):
    """h_t = ½ h_{t-1} + ½ tanh(W x_t + b)"""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.inward,) = self.gates("inward", recurrent_size=0)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + 0.5 * torch.tanh(self.inward(x))


def table(rows: int = 150, **columns: np.ndarray) -> pd.DataFrame:
    steps = np.arange(rows)
    noise = np.random.default_rng(0).normal(size=rows)
    days = pd.date_range("2024-01-01", periods=rows)
    return pd.DataFrame(
        {"day": days, **columns, "sold": 50 + 10 * np.sin(2 * np.pi * steps / 7) + noise}
    )


def test_a_folder_brings_back_the_same_forecasts(tmp_path: Path) -> None:
    forecaster = Forecaster("gru", **SMALL).fit(table(), tmp_path / "r")
    loaded = Forecaster.load(tmp_path / "r")
    pd.testing.assert_frame_equal(loaded.predict(table()), forecaster.predict())
    assert forecaster.report_path == tmp_path / "r/report.html"
    with pytest.raises(ConfigError, match="give predict the table"):
        loaded.predict()


def test_a_class_as_cell_is_loaded_as_its_equations(tmp_path: Path) -> None:
    forecaster = Forecaster(Halving, **SMALL).fit(table(), tmp_path / "r")
    loaded = Forecaster.load(tmp_path / "r")
    kinds = {type(m).__name__ for m in loaded._fitted().model.modules()}
    assert "ProgramCell" in kinds
    assert "Halving" not in kinds
    expected, found = forecaster.predict(), loaded.predict(table())
    np.testing.assert_allclose(found["forecast"], expected["forecast"], rtol=1e-5)


def test_scikit_learn_can_clone_and_set_it() -> None:
    forecaster = Forecaster("gru", **SMALL)
    twin = clone(forecaster).set_params(hidden_size=9)
    assert twin.get_params()["hidden_size"] == 9
    assert forecaster.get_params()["hidden_size"] == 4
    with pytest.raises(ConfigError, match="did you mean 'horizon'"):
        forecaster.set_params(horizn=3)


def test_the_same_seed_gives_the_same_forecast() -> None:
    first, second = (Forecaster(**SMALL).fit(table()).predict() for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = Forecaster(**SMALL, seed=1).fit(table()).predict()
    assert not np.allclose(first["forecast"], other["forecast"])


def test_the_test_part_does_not_change_what_is_learned() -> None:
    changed = table()
    changed.loc[changed.index[-30:], "sold"] += 1000.0
    options = {**SMALL, "season": 7, "anchor": "last"}
    networks = [
        Forecaster(**options).fit(frame)._fitted().model.state_dict()
        for frame in (table(), changed)
    ]
    for name, value in networks[0].items():
        assert torch.equal(value, networks[1][name]), name


def test_known_covariates_of_the_future_move_the_forecast() -> None:
    generator = np.random.default_rng(1)
    promotion = (generator.random(300) < 0.3).astype(float)
    frame = table(300, promotion=promotion)
    frame["sold"] += 30 * promotion
    frame.loc[frame.index[-3:], "sold"] = np.nan
    options = {**SMALL, "epochs": 40, "learning_rate": 0.02, "known": ("promotion",)}
    forecaster = Forecaster(**options).fit(frame)
    forecasts = []
    for planned in (0.0, 1.0):
        frame.loc[frame.index[-3:], "promotion"] = planned
        forecasts.append(forecaster.predict(frame)["forecast"].to_numpy())
    assert ((forecasts[1] - forecasts[0]) > 10).all()


def test_known_covariates_without_a_future_are_asked_for() -> None:
    frame = table(150, promotion=np.tile([0.0, 1.0, 1.0], 50))
    forecaster = Forecaster(**SMALL, known=("promotion",)).fit(frame)
    with pytest.raises(DataError, match="promotion"):
        forecaster.predict()


def test_intervals_hold_about_what_they_promise() -> None:
    noise = np.random.default_rng(2).normal(size=900)
    frame = pd.DataFrame({"y": noise})
    for stated in ("quantiles", "student_t", "point"):
        options = {**SMALL, "epochs": 8, "distribution": stated}
        found = Forecaster(**options).fit(frame).evaluation_
        row = next(r for r in found.table.rows if r.kind == "network")
        assert row.values["80% interval"] == pytest.approx(0.8, abs=0.1)
        assert row.values["95% interval"] == pytest.approx(0.95, abs=0.05)


def test_noise_is_not_called_a_success() -> None:
    frame = pd.DataFrame({"y": np.random.default_rng(3).normal(size=600)})
    found = Forecaster(**{**SMALL, "epochs": 5}).fit(frame).evaluation_
    assert found.tone != "good"


@pytest.mark.parametrize("strategy", ["recursive", "seq2seq"])
def test_the_other_strategies_train_and_forecast(strategy: str) -> None:
    options = {**SMALL, "strategy": strategy, "epochs": 12, "learning_rate": 0.02}
    forecaster = Forecaster(**options).fit(table(300))
    row = next(r for r in forecaster.evaluation_.table.rows if r.kind == "network")
    naive = next(r for r in forecaster.evaluation_.table.rows if r.name == "last value")
    assert row.values["MAE"] < naive.values["MAE"]
    assert len(forecaster.predict()) == 3


def test_the_log_scale_keeps_forecasts_positive() -> None:
    frame = table(200)
    frame["sold"] = np.exp(np.random.default_rng(0).normal(size=200))
    future = Forecaster(**SMALL, scaling="log").fit(frame).predict()
    assert (future.drop(columns="day") > 0).all().all()


def test_predict_before_fit_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="fit"):
        Forecaster().predict()
