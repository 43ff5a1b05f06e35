"""A JSON object a line: a text with spans of characters, or tokens with tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mnemonist.data.tags.faults import Faults
from mnemonist.data.tags.model import Sentence
from mnemonist.data.tags.schemes import Span, tags_of
from mnemonist.errors import DataError

__all__ = ["offsets_of", "read_jsonl", "tag_text"]

Tokenize = Callable[[str], Sequence[str]]

_SPANS = ("entities", "spans", "labels", "label")
_TAGS = ("tags", "labels", "ner_tags", "pos_tags")


def read_jsonl(
    lines: Iterable[tuple[int, str]], tokenize: Tokenize, file: str, faults: Faults
) -> Iterator[Sentence]:
    """The sentences of a file of JSON objects; those with faults are left out and told.

    `{"text": "王刚去了北京", "entities": [{"start": 0, "end": 2, "label": "PER"}]}`, where a span
    may also be `[0, 2, "PER"]`, or `{"tokens": ["王刚", "去"], "tags": ["B-PER", "O"]}`. Spans are
    counted in characters and become tags of the scheme BIO. Of spans that overlap the longest is
    kept; a span that ends inside a token is widened to whole tokens; both are told.
    """
    for number, line in lines:
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            item = None
        if not isinstance(item, dict):
            faults.add("not-json", file, number, line)
            continue
        sentence = (
            _from_tokens(item, file, number, faults)
            if "tokens" in item
            else _from_text(item, tokenize, file, number, faults)
        )
        if sentence is not None and len(sentence):
            yield sentence


def offsets_of(text: str, tokens: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where each token stands in the text that it was cut from.

    Raises:
        DataError: a token that does not follow in the text.

    >>> offsets_of("Peter  ran.", ["Peter", "ran", "."])
    ((0, 5), (7, 10), (10, 11))
    """
    offsets, at = [], 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0:
            raise DataError(
                f"the token {token!r} does not follow in {text[at : at + 40]!r}: tokens must be "
                "pieces of the text as it stands (no lower case, no normal form)."
            )
        at = start + len(token)
        offsets.append((start, at))
    return tuple(offsets)


def tag_text(
    text: str, spans: Iterable[Span], tokens: Sequence[str]
) -> tuple[list[str], tuple[tuple[int, int], ...], list[str]]:
    """Tags (BIO) for tokens of a text from spans of characters, offsets, and what was changed.

    >>> tag_text("王刚去北京", [Span(0, 2, "PER"), Span(3, 5, "LOC")], ["王刚", "去", "北京"])[0]
    ['B-PER', 'O', 'B-LOC']
    """
    offsets = offsets_of(text, tokens)
    changes: dict[str, None] = {}
    taken = [False] * len(tokens)
    kept = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span)):
        inside = [k for k, (a, b) in enumerate(offsets) if a < span.end and b > span.start]
        if not inside:
            continue
        first, last = inside[0], inside[-1]
        if any(taken[first : last + 1]):
            changes["overlapping-spans"] = None
            continue
        if offsets[first][0] < span.start or offsets[last][1] > span.end:
            changes["span-cuts-token"] = None
        taken[first : last + 1] = [True] * (last + 1 - first)
        kept.append(Span(first, last + 1, span.type))
    return tags_of(kept, len(tokens), "BIO"), offsets, list(changes)


def _from_text(
    item: dict[str, Any], tokenize: Tokenize, file: str, number: int, faults: Faults
) -> Sentence | None:
    text = item.get("text")
    if not isinstance(text, str):
        faults.add("no-text", file, number, ", ".join(item))
        return None
    given: Any = next((item[key] for key in _SPANS if key in item), [])
    spans = []
    for one in given if isinstance(given, list) else [given]:
        span = _span(one, len(text))
        if span is None:
            faults.add("bad-span", file, number, json.dumps(one, ensure_ascii=False))
            return None
        spans.append(span)
    tokens = tokenize(text)
    tags, offsets, changes = tag_text(text, spans, tokens)
    for change in changes:
        faults.add(change, file, number, text)
    return Sentence(tuple(tokens), tuple(tags), file, number, text=text, offsets=offsets)


def _span(given: Any, length: int) -> Span | None:
    if isinstance(given, dict):
        kind = next((given[key] for key in ("label", "type", "tag") if key in given), None)
        given = [given.get("start"), given.get("end"), kind]
    if not isinstance(given, list) or len(given) != 3:
        return None
    start, end, kind = given
    whole = type(start) is int and type(end) is int and 0 <= start < end <= length
    named = isinstance(kind, str) and kind != "" and not any(map(str.isspace, kind))
    return Span(start, end, kind) if whole and named else None


def _from_tokens(item: dict[str, Any], file: str, number: int, faults: Faults) -> Sentence | None:
    tokens: Any = item["tokens"]
    tags: Any = next((item[key] for key in _TAGS if key in item), None)
    for part in (tokens, tags):
        if not isinstance(part, list) or not all(isinstance(one, str) for one in part):
            faults.add("no-text", file, number, ", ".join(item))
            return None
    if len(tokens) != len(tags):
        faults.add("uneven-tags", file, number, f"{len(tokens)} tokens, {len(tags)} tags")
        return None
    for code, part in (("empty-token", tokens), ("missing-tag", tags)):
        if not all(one.strip() for one in part):
            faults.add(code, file, number, json.dumps(part, ensure_ascii=False))
            return None
    return Sentence(tuple(tokens), tuple(tags), file, number)
