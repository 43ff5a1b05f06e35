"""What holds for the configuration of every job: one type, one schema, every option once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from mnemonist.cli import classify, forecast, language, tag, translate
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.common.config import configured, option_names, schema
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.translate.config import TranslateConfig

SCHEMAS = Path(__file__).parents[3] / "docs/schemas"
OPTIONS = {
    ClassifyConfig: classify.Options,
    ForecastConfig: forecast.Options,
    LanguageConfig: language.Options,
    TagConfig: tag.Options,
    TranslateConfig: translate.Options,
}


@pytest.mark.parametrize("config", OPTIONS)
def test_the_published_schema_is_that_of_the_code(config: type[BaseModel]) -> None:
    file = SCHEMAS / f"{config.model_fields['job'].default}-1.json"
    assert json.loads(file.read_text(encoding="utf-8")) == schema(config)


@pytest.mark.parametrize("config", OPTIONS)
def test_every_option_has_a_name_of_its_own_and_is_on_the_command_line(
    config: type[BaseModel],
) -> None:
    names = option_names(config)
    assert len(names) == len(set(names))
    assert set(OPTIONS[config].model_fields) == set(names)


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (ClassifyConfig, {"data": {"label": "stars"}, "pooling": "mean"}),
        (ForecastConfig, {"horizon": 3, "series": {"known": ["a"]}, "training": {"seed": 7}}),
        (LanguageConfig, {"text": {"tokens": "words"}, "tie": True}),
        (TagConfig, {"crf": False, "data": {"entities": {"nr": "PER"}}, "training": {"seed": 7}}),
        (TranslateConfig, {"data": {"source": "zh"}, "attention": "dot"}),
    ],
)
def test_a_configuration_survives_json(config: type[BaseModel], options: dict[str, object]) -> None:
    one = configured(config, options)
    assert config.model_validate_json(one.model_dump_json()) == one
    assert one.model_dump()["format"] == "mnemonist.config/1"
