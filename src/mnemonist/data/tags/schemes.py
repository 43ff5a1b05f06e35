"""How tags say where a span of tokens begins and ends: IOB1, BIO, BIOES, BILOU, BMES, raw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from mnemonist.errors import ConfigError

__all__ = [
    "SCHEMES",
    "Allowed",
    "Scheme",
    "Span",
    "allowed_steps",
    "convert",
    "detect_scheme",
    "invalid_tags",
    "parse_tag",
    "repair",
    "spans_of",
    "tags_of",
]

Scheme = Literal["raw", "IOB1", "BIO", "BIOES", "BILOU", "BMES"]

# The letters of a span's first, inner, last and only token.
_LETTERS = {"BIO": "BIIB", "BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}
SCHEMES = ("raw", "IOB1", *_LETTERS)
_MEANING = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}


class Span(NamedTuple):
    """Tokens start to end - 1 and what they are."""

    start: int
    end: int
    type: str


class Allowed(NamedTuple):
    """Which steps of a tag sequence may occur, as arrays of bool.

    `start` (K,): the first tag; `transitions` (K, K): from one tag (row) to the next;
    `end` (K,): the last tag.
    """

    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray


def parse_tag(tag: str) -> tuple[str, str]:
    """The role of a tag and its type: "B", "I", "E", "S" or "O", and "PER".

    M counts as I, L as E and U as S. What has no such letter before a hyphen is outside ("O").

    >>> parse_tag("B-PER"), parse_tag("M-nr"), parse_tag("S"), parse_tag("O"), parse_tag("NN")
    (('B', 'PER'), ('I', 'nr'), ('S', ''), ('O', ''), ('O', ''))
    """
    letter, _, kind = tag.partition("-")
    return (_MEANING[letter], kind) if letter in _MEANING else ("O", "")


def spans_of(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """The spans that a tag sequence marks.

    Read as conlleval reads (Tjong Kim Sang & Buchholz 2000): a span begins at B and S, at any
    other tag of a span after O, E or S, and wherever the type changes; it ends before the next
    span, before O and after E or S. So IOB1 and BIO are read alike, and an invalid sequence has
    its spans too. In scheme "raw" every token is a span of its own whose type is its tag; O is
    outside.

    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"], "BIO")  # doctest: +NORMALIZE_WHITESPACE
    [Span(start=0, end=2, type='PER'), Span(start=3, end=4, type='LOC'),
     Span(start=4, end=5, type='LOC')]
    >>> spans_of(["nr", "v"], "raw")
    [Span(start=0, end=1, type='nr'), Span(start=1, end=2, type='v')]
    """
    _check_scheme(scheme)
    if scheme == "raw":
        return [Span(k, k + 1, tag) for k, tag in enumerate(tags) if tag != "O"]
    spans: list[Span] = []
    start, role, kind = 0, "O", ""
    for k, tag in enumerate([*tags, "O"]):
        next_role, next_kind = parse_tag(tag)
        inside = next_role in "IE" and role in "BI" and next_kind == kind
        if not inside:
            if role != "O":
                spans.append(Span(start, k, kind))
            start = k
        role, kind = next_role, next_kind
    return spans


def tags_of(spans: Iterable[tuple[int, int, str]], length: int, scheme: Scheme) -> list[str]:
    """The tags of `length` tokens that mark these spans; O outside them.

    In scheme "raw" each token of a span gets the type itself: neighbours of one type merge.

    Raises:
        ConfigError: spans that overlap, are empty or leave the sequence.

    >>> tags_of([(0, 2, "PER"), (3, 4, "LOC")], 5, "BIOES")
    ['B-PER', 'E-PER', 'O', 'S-LOC', 'O']
    """
    _check_scheme(scheme)
    tags = ["O"] * length
    last = Span(0, 0, "")
    for start, end, kind in sorted(spans):
        if not last.end <= start < end <= length:
            raise ConfigError(
                f"the span ({start}, {end}, {kind!r}) among {length} tokens, after one that ends "
                f"at {last.end}: spans must not overlap, be empty or leave the sequence."
            )
        if scheme == "raw":
            tags[start:end] = [kind] * (end - start)
        elif scheme == "IOB1":
            touches = last.end == start and last.type == kind and start > 0
            tags[start:end] = [_tag("I", kind)] * (end - start)
            tags[start] = _tag("B" if touches else "I", kind)
        else:
            begin, inner, final, only = list(_LETTERS[scheme])
            letters = [begin, *inner * (end - start - 2), final] if end - start > 1 else [only]
            tags[start:end] = [_tag(letter, kind) for letter in letters]
        last = Span(start, end, kind)
    return tags


def convert(tags: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """The same spans in another scheme.

    >>> convert(["I-PER", "I-PER", "B-PER", "O"], "IOB1", "BIOES")
    ['B-PER', 'E-PER', 'S-PER', 'O']
    """
    return tags_of(spans_of(tags, source), len(tags), target)


def repair(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """A valid sequence with the spans that conlleval reads in this one; a valid one unchanged.

    >>> repair(["O", "I-PER", "I-LOC"], "BIO")
    ['O', 'B-PER', 'B-LOC']
    """
    return list(tags) if scheme == "raw" else convert(tags, scheme, scheme)


def invalid_tags(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Where `repair` changes the sequence.

    >>> invalid_tags(["O", "I-PER", "I-LOC"], "BIO"), invalid_tags(["O", "I-PER"], "IOB1")
    ([1, 2], [])
    """
    repaired = repair(tags, scheme)
    return [k for k, (old, new) in enumerate(zip(tags, repaired, strict=True)) if old != new]


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme that tag sequences are in, by their letters.

    "raw" where a tag is neither O nor begins with a letter of a scheme and a hyphen (a letter
    alone counts too: B, M, E, S mark words without a type). Between IOB1 and BIO decides which
    occurs more often: a span that begins with I or a B that IOB1 would not need.

    >>> detect_scheme([["O", "I-PER", "I-PER"]]), detect_scheme([["B-PER", "I-PER"]])
    ('IOB1', 'BIO')
    >>> detect_scheme([["DT", "NN"]]), detect_scheme([["B-n", "E-n", "S-v"]])
    ('raw', 'BIOES')
    """
    letters: set[str] = set()
    marks: Counter[str] = Counter()
    known: dict[str, tuple[str, str]] = {"O": ("O", "")}
    for tags in sequences:
        before = ("O", "")
        for tag in tags:
            if tag not in known:
                known[tag] = parse_tag(tag)
                if known[tag][0] == "O":
                    return "raw"
                letters.add(tag[0])
            role, kind = now = known[tag]
            touches = before[0] != "O" and before[1] == kind
            marks["IOB1"] += role == "I" and not touches
            marks["BIO"] += role == "B" and not touches
            before = now
    if not letters:
        return "raw"
    if "M" in letters:
        return "BMES"
    if letters & {"L", "U"}:
        return "BILOU"
    if letters & {"E", "S"}:
        return "BIOES"
    return "IOB1" if marks["IOB1"] > marks["BIO"] else "BIO"


def allowed_steps(tags: Sequence[str], scheme: Scheme) -> Allowed:
    """Which tag may follow which in a valid sequence of the scheme; in "raw" every one may.

    For `decoding.LinearChainCRF(len(tags), allowed=allowed_steps(tags, scheme))`.

    >>> allowed = allowed_steps(["O", "B-PER", "I-PER"], "BIO")
    >>> allowed.start.tolist(), allowed.transitions[0].tolist()
    ([True, True, False], [True, True, False])
    """
    _check_scheme(scheme)
    size = len(tags)
    if scheme == "raw":
        return Allowed(*(np.ones(shape, bool) for shape in (size, (size, size), size)))
    roles, kinds = (np.array(part, object) for part in zip(*map(parse_tag, tags), strict=True))
    same = kinds[:, None] == kinds[None]
    outside, inner = roles == "O", np.isin(roles, ["I", "E"])
    if scheme == "IOB1":
        # B divides two spans of a type and stands nowhere else.
        begin, edge = roles == "B", np.ones(size, bool)
        return Allowed(~begin, ~begin | (same & ~outside[:, None]), edge)
    # In BIO a span may end anywhere; elsewhere a begun one goes on to its last token.
    open_ended = scheme == "BIO"
    begun = np.isin(roles, ["B", "I"])
    goes_on = begun[:, None] & inner & same
    leaves = (np.ones(size, bool) if open_ended else ~begun)[:, None] & ~inner
    return Allowed(~inner, goes_on | leaves, np.ones(size, bool) if open_ended else ~begun)


def _tag(letter: str, kind: str) -> str:
    return f"{letter}-{kind}" if kind else letter


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise ConfigError(f"scheme {scheme!r}: {', '.join(SCHEMES)} are known.")
