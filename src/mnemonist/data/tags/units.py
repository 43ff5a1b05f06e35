"""Words with tags as characters with tags, and back: cutting and tagging as one task."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from mnemonist.data.tags.model import Sentence
from mnemonist.data.tags.schemes import Scheme, Span, spans_of, tags_of

__all__ = ["to_characters", "to_words"]


def to_characters(sentence: Sentence, scheme: Scheme, target: Scheme = "BIOES") -> Sentence:
    """Every character a token; a span of words becomes the span of their characters.

    With one tag a word ("raw") each word becomes a span whose type is its tag, so that a tagger
    of characters learns where words end and what they are at once (Ng & Low 2004). With a
    scheme of spans, entities keep their types and the words between them are outside.

    Args:
        sentence: words with tags.
        scheme: of its tags.
        target: of the characters' tags.

    >>> words = Sentence(("我", "吃", "苹果"), ("r", "v", "n"))
    >>> to_characters(words, "raw").show()
    '我/S-r 吃/S-v 苹/B-n 果/E-n'
    >>> to_characters(Sentence(("王", "刚", "来"), ("B-PER", "I-PER", "O")), "BIO", "BIO").show()
    '王/B-PER 刚/I-PER 来/O'
    """
    starts = [0, *accumulate(map(len, sentence.tokens))]
    spans = spans_of(sentence.tags, scheme)
    tags = tags_of(_moved(spans, starts), starts[-1], target)
    each = [k for k, token in enumerate(sentence.tokens) for _ in token]
    return Sentence(
        tuple(character for token in sentence.tokens for character in token),
        tuple(tags),
        sentence.file,
        sentence.line,
        tuple(sentence.lines[k] for k in each) if sentence.lines else (),
        sentence.document,
        sentence.text,
        tuple((at, at + 1) for start, end in sentence.offsets for at in range(start, end)),
        tuple(_moved(sentence.groups, starts)),
    )


def to_words(
    characters: Sequence[str], tags: Sequence[str], scheme: Scheme
) -> tuple[list[str], list[str]]:
    """The words that characters' tags mark, with the types as tags; `to_characters` undone.

    A character outside every span is a word with the tag O.

    >>> to_words("我吃苹果", ["S-r", "S-v", "B-n", "E-n"], "BIOES")
    (['我', '吃', '苹果'], ['r', 'v', 'n'])
    """
    words: list[str] = []
    kinds: list[str] = []
    at = 0
    for span in [*spans_of(tags, scheme), Span(len(tags), len(tags), "")]:
        words += characters[at : span.start]
        kinds += ["O"] * (span.start - at)
        if span.end > span.start:
            words.append("".join(characters[span.start : span.end]))
            kinds.append(span.type)
        at = span.end
    return words, kinds


def _moved(spans: Sequence[Span], starts: Sequence[int]) -> list[Span]:
    return [Span(starts[start], starts[end], kind) for start, end, kind in spans]
