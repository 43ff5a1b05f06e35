"""What stands in the way of a good tagger: the audit before training, and on its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from mnemonist.data.findings import Finding, Severity, by_severity, found_at, some
from mnemonist.data.tags.model import Sentence, TaggedSet
from mnemonist.data.tags.schemes import invalid_tags, parse_tag, repair

__all__ = ["check_tags"]

_LONG, _TIMES = 400, 8
_RARE = 3
_MIXED = 0.02
_LINES = 10

Place = tuple[Sentence, int]


def check_tags(
    train: TaggedSet, *, valid: TaggedSet | None = None, test: TaggedSet | None = None
) -> list[Finding]:
    """Everything to know about tagged sentences before a network is trained on them.

    What was found in reading, and: one tag only, schemes mixed, tags that no valid sequence of
    the scheme has in their places (with what `repair` makes of them), tags that occur a few
    times only, very long sentences; in validation and test, tags that training lacks, and
    sentences that training has too.

    Returns:
        Findings, the fatal ones first.

    >>> data = TaggedSet.from_sequences([["Ann", "Lee", "ran"]], [["O", "I-PER", "O"]], "BIO")
    >>> print(check_tags(data)[0])  # doctest: +NORMALIZE_WHITESPACE
    1 tag is in a place that BIO does not allow: I-PER of 'Lee' after O.
    Remedy: it is read as B-PER, as conlleval does; correct the file if that is wrong.
    """
    findings = list(train.findings)
    findings += [*_one_tag(train), *_mixed(train), *_rare(train)]
    for part in (train, valid, test):
        if part is not None:
            findings += [*_invalid(part), *_long(part)]
    for name, part in (("validation", valid), ("test", test)):
        if part is not None:
            findings += [*_unseen(train, part, name), *_duplicates(train, part, name)]
    return by_severity(findings)


def _one_tag(data: TaggedSet) -> Iterator[Finding]:
    counts = data.tag_counts()
    if len(counts) == 1:
        (tag,) = counts
        yield Finding(
            "fatal",
            "one-tag",
            f"every token has the tag {tag!r}",
            data.name,
            remedy="name another tag column, or add sentences with other tags",
        )


def _mixed(data: TaggedSet) -> Iterator[Finding]:
    """Tags of a scheme beside others, or letters of two schemes."""
    counts = data.tag_counts()
    marked = {tag for tag in counts if "-" in tag and parse_tag(tag)[0] != "O"}
    bare = {tag for tag in counts if tag != "O" and parse_tag(tag)[0] == "O"}
    if marked and bare and sum(counts[t] for t in marked) > sum(counts[t] for t in bare):
        yield _at(
            "fatal",
            "mixed-schemes",
            f"most tags are like {max(marked, key=counts.__getitem__)}, but {len(bare)} have no "
            f"B- or I-: {some(sorted(bare), len(bare))}",
            _places(data, bare),
            "write them in the same scheme, or name scheme='raw' if all are types",
        )
    letters = {tag[0] for tag in marked}
    for one, other in (("M", "I"), ("ES", "LU")):
        if data.scheme != "raw" and letters & set(one) and letters & set(other):
            odd = {tag for tag in marked if tag[0] in other}
            yield _at(
                "warning",
                "mixed-schemes",
                f"letters of two schemes are mixed: {', '.join(sorted(letters))}",
                _places(data, odd),
                "write all spans in one scheme (M counts as I, L as E, U as S)",
            )
    if data.scheme in ("BIO", "IOB1"):
        yield from _iob1_and_bio(data)


def _iob1_and_bio(data: TaggedSet) -> Iterator[Finding]:
    starts: dict[str, list[Place]] = {"B": [], "I": []}
    for sentence in data:
        before = ("O", "")
        for k, now in enumerate(map(parse_tag, sentence.tags)):
            if now[0] in starts and (before[0] == "O" or before[1] != now[1]):
                starts[now[0]].append((sentence, k))
            before = now
    few = min(starts.values(), key=len)
    total = sum(map(len, starts.values()))
    if len(few) > max(_RARE, _MIXED * total):
        yield _at(
            "warning",
            "mixed-schemes",
            f"{len(starts['I']):,} spans begin with I- and {len(starts['B']):,} with B- where no "
            f"neighbour asks for it: IOB1 and BIO are mixed; {data.scheme} was taken",
            few,
            "write all spans in one scheme; both are read as conlleval does",
        )


def _invalid(data: TaggedSet) -> Iterator[Finding]:
    if data.scheme == "raw":
        return
    places = [(sentence, k) for sentence in data for k in invalid_tags(sentence.tags, data.scheme)]
    if places:
        sentence, k = places[0]
        repaired = repair(sentence.tags, data.scheme)[k]
        after = f"after {sentence.tags[k - 1]}" if k else "as the first"
        one = len(places) == 1
        yield _at(
            "warning",
            "invalid-tags",
            f"{len(places):,} tag{' is in a place' if one else 's are in places'} that "
            f"{data.scheme} does not allow: {sentence.tags[k]} of {sentence.tokens[k]!r} {after}",
            places,
            f"it is read as {repaired}, as conlleval does; correct the file if that is wrong",
        )


def _rare(data: TaggedSet) -> Iterator[Finding]:
    counts = data.tag_counts()
    rare = [tag for tag, count in counts.items() if count < _RARE]
    if rare and len(counts) > len(rare):
        yield _at(
            "note",
            "rare-tags",
            f"{len(rare)} of {len(counts)} tags occur fewer than {_RARE} times: "
            f"{some(rare, len(rare), 8)}",
            _places(data, set(rare)),
            "correct them if they are slips; too few to learn from otherwise",
        )


def _long(data: TaggedSet) -> Iterator[Finding]:
    if not len(data):
        return
    bound = max(_LONG, _TIMES * median(map(len, data)))
    long = [(sentence, 0) for sentence in data if len(sentence) > bound]
    if long:
        longest = max(len(sentence) for sentence, _ in long)
        yield _at(
            "warning",
            "long-sentences",
            f"very long sentences: {len(long):,}, the longest of {longest:,} tokens; half have "
            f"{median(map(len, data)):.0f} or fewer",
            long,
            "see whether blank lines or line breaks are missing; long ones cost memory and time",
        )


def _unseen(train: TaggedSet, part: TaggedSet, name: str) -> Iterator[Finding]:
    known = train.tag_counts()
    unseen = {tag: count for tag, count in part.tag_counts().items() if tag not in known}
    if unseen:
        yield _at(
            "warning",
            "unseen-tags",
            f"tags of the {name} part that training lacks ({sum(unseen.values()):,} tokens): "
            f"{some(unseen, len(unseen), 8)}",
            _places(part, set(unseen)),
            "they count as errors whatever is predicted; correct them, or train on more",
        )


def _duplicates(train: TaggedSet, part: TaggedSet, name: str) -> Iterator[Finding]:
    known: dict[tuple[str, ...], Sentence] = {}
    for sentence in train:
        known.setdefault(sentence.tokens, sentence)
    shared = [(sentence, 0) for sentence in part if sentence.tokens in known]
    if shared:
        first = known[shared[0][0].tokens]
        where = f"; the first is in line {first.line} of training too" if first.line else ""
        share = len(shared) / len(part)
        yield _at(
            "warning" if share >= 0.05 else "note",
            "duplicates-across-parts",
            f"{len(shared):,} of {len(part):,} sentences of the {name} part ({share:.1%}) are in "
            f"training too{where}",
            shared,
            "remove them from one part if they are copies and not just common phrases",
        )


def _places(data: TaggedSet, tags: set[str]) -> list[Place]:
    """The first places of these tags, as many as are shown."""
    found: dict[str, list[Place]] = defaultdict(list)
    for sentence in data:
        for k, tag in enumerate(sentence.tags):
            if tag in tags and len(found[tag]) < _LINES:
                found[tag].append((sentence, k))
    return [place for places in found.values() for place in places]


def _at(
    severity: Severity, code: str, message: str, places: Sequence[Place], remedy: str
) -> Finding:
    where = [(sentence.file, sentence.line_of(k) or 0) for sentence, k in places]
    return found_at(severity, code, message, where, remedy)
