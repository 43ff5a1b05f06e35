"""The configuration: one type, one schema, every option once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnemonist.cli.classify import Options
from mnemonist.errors import ConfigError
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.common.config import configured, option_names, schema

SCHEMA = Path(__file__).parents[3] / "docs/schemas/classify-1.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(ClassifyConfig)


def test_no_two_parts_have_an_option_of_the_same_name() -> None:
    names = option_names(ClassifyConfig)
    assert len(names) == len(set(names))


def test_every_option_is_on_the_command_line() -> None:
    assert set(Options.model_fields) == set(option_names(ClassifyConfig))


def test_a_configuration_survives_json() -> None:
    config = configured(ClassifyConfig, {"data": {"label": "stars"}, "pooling": "mean"})
    assert ClassifyConfig.model_validate_json(config.model_dump_json()) == config


def test_what_cannot_work_is_named() -> None:
    with pytest.raises(ConfigError, match="token_dropout"):
        configured(ClassifyConfig, {"token_dropout": 1.0})
    with pytest.raises(ConfigError, match="did you mean 'pooling'"):
        configured(ClassifyConfig, {"poolin": "max"})
