"""The configuration: one type, one schema, every option once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnemonist.cli.language import Options
from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured, nested, option_names, schema
from mnemonist.tasks.language.config import LanguageConfig

SCHEMA = Path(__file__).parents[3] / "docs/schemas/language-1.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(LanguageConfig)


def test_every_option_has_a_name_of_its_own_and_is_on_the_command_line() -> None:
    names = option_names(LanguageConfig)
    assert len(names) == len(set(names))
    assert set(Options.model_fields) == set(names)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"bidirectional": True}, "already read"),
        ({"tie": True, "softmax": "adaptive"}, "weights of its own"),
        ({"valid": 0.0}, "text.valid"),
        ({"tokens": "letters"}, "text.tokens"),
    ],
)
def test_what_does_not_fit_together_is_said(options: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        configured(LanguageConfig, nested(LanguageConfig, options))
