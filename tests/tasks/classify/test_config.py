"""The configuration: what does not fit together is named."""

from __future__ import annotations

import pytest

from mnemonist.errors import ConfigError
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.common.config import configured


def test_what_cannot_work_is_named() -> None:
    with pytest.raises(ConfigError, match="token_dropout"):
        configured(ClassifyConfig, {"token_dropout": 1.0})
    with pytest.raises(ConfigError, match="did you mean 'pooling'"):
        configured(ClassifyConfig, {"poolin": "max"})
