"""What a reader of the report meets."""

from __future__ import annotations

from mnemonist.data.tags import Sentence
from mnemonist.tasks.tag.report import _marked


def test_what_is_tagged_wrong_stands_together_in_brackets() -> None:
    names = Sentence(tuple("王刚到北京上海"), ("B-PER", "E-PER", "O", *("B-LOC", "E-LOC") * 2))
    given = ["O", "O", "O", "B-LOC", "I-LOC", "O", "O"]
    shown = _marked(names, given, "BIOES")
    assert shown == "[王刚: PER → O]到北[京: E-LOC → I-LOC][上海: LOC → O]"
    words = Sentence(("the", "old", "man", "walks"), ("DT", "JJ", "NN", "VBZ"))
    assert _marked(words, ["DT", "NN", "VB", "VBZ"], "raw") == (
        "the [old: JJ → NN] [man: NN → VB] walks"
    )
