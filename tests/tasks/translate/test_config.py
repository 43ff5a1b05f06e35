"""The configuration: what does not fit together is named."""

from __future__ import annotations

import pytest

from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured
from mnemonist.tasks.translate.config import TranslateConfig


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
