"""Tagged sentences as text: columns and JSON, in the layouts that the readers take."""

from __future__ import annotations

import json
from typing import Any

from mnemonist.data.tags.jsonl import offsets_of
from mnemonist.data.tags.model import Sentence
from mnemonist.data.tags.schemes import Scheme, spans_of

__all__ = ["as_columns", "as_json"]


def as_columns(sentence: Sentence, *more: tuple[str, ...]) -> str:
    """A token a line with its tag and further columns, by tabs, and a blank line.

    >>> as_columns(Sentence(("Ann", "ran"), ("B-PER", "O")), ("O", "O")).splitlines()
    ['Ann\\tB-PER\\tO', 'ran\\tO\\tO', '']
    """
    rows = zip(sentence.tokens, sentence.tags, *more, strict=True)
    return "".join("\t".join(row) + "\n" for row in rows) + "\n"


def as_json(sentence: Sentence, scheme: Scheme) -> str:
    """One line: the text, and each span with its offsets in it, in characters.

    A sentence that came without a text has its tokens joined by spaces for one, or by nothing
    where every token is a single character.

    >>> as_json(Sentence(("王", "刚", "来"), ("B-PER", "E-PER", "O")), "BIOES")
    '{"text": "王刚来", "entities": [{"start": 0, "end": 2, "label": "PER", "text": "王刚"}]}'
    """
    text = sentence.text
    if text is None:
        single = all(len(token) == 1 for token in sentence.tokens)
        text = ("" if single else " ").join(sentence.tokens)
    offsets = sentence.offsets or offsets_of(text, sentence.tokens)
    entities: list[dict[str, Any]] = []
    for first, last, kind in spans_of(sentence.tags, scheme):
        start, end = offsets[first][0], offsets[last - 1][1]
        entities.append({"start": start, "end": end, "label": kind, "text": text[start:end]})
    return json.dumps({"text": text, "entities": entities}, ensure_ascii=False)
