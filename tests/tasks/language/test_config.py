"""The configuration: what does not fit together is named."""

from __future__ import annotations

import pytest

from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured, nested
from mnemonist.tasks.language.config import LanguageConfig


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
