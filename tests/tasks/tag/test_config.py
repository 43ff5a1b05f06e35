"""The configuration: one type, one schema, every option once."""

from __future__ import annotations

import json
from pathlib import Path

from mnemonist.cli.tag import Options
from mnemonist.tasks.common.config import configured, option_names, schema
from mnemonist.tasks.tag.config import TagConfig

SCHEMA = Path(__file__).parents[3] / "docs/schemas/tag-1.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(TagConfig)


def test_a_configuration_survives_json() -> None:
    options = {"crf": False, "data": {"entities": {"nr": "PER"}}, "training": {"seed": 7}}
    config = configured(TagConfig, options)
    assert TagConfig.model_validate_json(config.model_dump_json()) == config


def test_every_option_is_on_the_command_line_once() -> None:
    names = option_names(TagConfig)
    assert len(names) == len(set(names))
    assert set(Options.model_fields) == set(names)
