"""The configuration: one type, one schema, every option once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnemonist.cli.translate import Options
from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured, option_names, schema
from mnemonist.tasks.translate.config import TranslateConfig

SCHEMA = Path(__file__).parents[3] / "docs/schemas/translate-1.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(TranslateConfig)


def test_no_two_parts_have_an_option_of_the_same_name() -> None:
    names = option_names(TranslateConfig)
    assert len(names) == len(set(names))


def test_every_option_is_on_the_command_line() -> None:
    assert set(Options.model_fields) == set(option_names(TranslateConfig))


def test_a_configuration_survives_json() -> None:
    config = configured(TranslateConfig, {"data": {"source": "zh"}, "attention": "dot"})
    assert TranslateConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "none", "input_feeding": True}, "need an attention"),
        ({"attention": "none", "attend": "before"}, "need an attention"),
        ({"attend": "before", "input_feeding": True}, "no input_feeding"),
        ({"test_target_file": "a"}, "needs test_file"),
        ({"training": {"bptt": 5}}, "bptt is for long streams"),
        ({"attentoin": "dot"}, "did you mean 'attention'"),
    ],
)
def test_what_cannot_work_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(TranslateConfig, options)


def test_input_feeding_goes_with_attention_after_the_step() -> None:
    assert TranslateConfig().feeds_input
    assert not TranslateConfig(attend="before").feeds_input
    assert not TranslateConfig(attention="none").feeds_input
