"""The configuration: what does not fit together is named."""

from __future__ import annotations

import pytest

from mnemonist.data.parallel import ParallelSet
from mnemonist.errors import ConfigError
from mnemonist.tasks.common.config import configured
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.resolve import resolve


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


def sentences(count: int) -> ParallelSet:
    return ParallelSet.from_pairs(
        (f"这是第{k}个句子。", f"this is sentence {k} .") for k in range(count)
    )


def test_few_sentences_are_learnt_with_care_unless_somebody_chose() -> None:
    few, notes = resolve(TranslateConfig(), sentences(50), valid=5)
    assert (few.attend, few.dropout, few.label_smoothing) == ("before", 0.4, 0.1)
    assert not few.input_feeding
    assert any("50 pairs of sentences are few" in note for note in notes)
    fed, _ = resolve(TranslateConfig(input_feeding=True, dropout=0.1), sentences(50), valid=5)
    assert (fed.attend, fed.dropout, fed.label_smoothing) == ("after", 0.1, 0.1)
    again, notes = resolve(fed, sentences(50), valid=5)
    assert again == fed
    assert not notes


def test_many_sentences_and_codes_are_learnt_as_usual() -> None:
    usual = TranslateConfig()
    codes = ParallelSet.from_pairs((f"{k}", f"{k:06}") for k in range(50))
    for pairs in (sentences(5_000), codes):
        found, _ = resolve(usual, pairs, valid=5)
        assert found.attend == usual.attend
        assert found.dropout == usual.dropout
        assert found.label_smoothing == usual.label_smoothing
