"""The configuration: what does not fit together is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnemonist.cli.forecast import Options
from mnemonist.cli.options import given
from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured, nested, read_config
from mnemonist.tasks.forecast.config import ForecastConfig


def test_options_of_the_cell_are_read_from_the_command_line_as_numbers_where_they_are() -> None:
    typed = {"leak": "0.3", "heads": "2", "bias": "False", "bounds": "[0, 1]", "activation": "relu"}
    assert given(Options(cell_options=typed, epochs=3)) == {
        "cell_options": {
            "leak": 0.3,
            "heads": 2,
            "bias": False,
            "bounds": [0, 1],
            "activation": "relu",
        },
        "epochs": 3,
    }


def test_a_misspelt_field_comes_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no field horizn: did you mean 'horizon'"):
        configured(ForecastConfig, {"horizn": 3})
    with pytest.raises(ConfigError, match=r"no field training\.epoch: did you mean 'epochs'"):
        configured(ForecastConfig, {"training": {"epoch": 3}})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"levels": (0.9, 0.5)}, "levels"),
        ({"levels": (1.5,)}, "levels"),
        ({"lags": (0,)}, "lags"),
        ({"strategy": "direct", "attention": "dot"}, "attention"),
        ({"strategy": "recursive", "bidirectional": True}, "bidirectional"),
        ({"training": {"learning_rate": -1}}, "training.learning_rate"),
        ({"series": {"target": "a", "known": ("a",)}}, "one role"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_cannot_work_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        configured(ForecastConfig, options)


def test_toml_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("horizon = ")
    with pytest.raises(ConfigError, match="TOML"):
        read_config(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "b.toml")


def test_options_lie_over_the_base_field_by_field() -> None:
    config = configured(
        ForecastConfig,
        nested(ForecastConfig, {"epochs": 3}),
        {"training": {"seed": 9}, "cell": "gru"},
    )
    assert (config.training.epochs, config.training.seed, config.cell) == (3, 9, "gru")


def test_what_nobody_sets_stays_open_and_the_defaults_of_the_job_hold() -> None:
    config = configured(ForecastConfig, {"training": {"seed": 3}})
    assert not config.series.model_fields_set
    usual = ForecastConfig().training
    assert config.training == usual.model_copy(update={"seed": 3})
