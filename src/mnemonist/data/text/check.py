"""What stands in the way of learning from a text: the audit before training, and on its own."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from mnemonist.data.findings import Finding, Severity, by_severity, some
from mnemonist.data.text.lines import MAX_LINE, Document, Text, TextSource
from mnemonist.data.text.words import HAN

__all__ = ["check_lines"]

_LONG = 10_000
_NOTED, _MANY = 0.02, 0.1  # the shares of repeated lines that are worth a note and a warning
_ONE_WORD = 0.9
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CJK = re.compile(f"[{HAN}\u3040-\u30ff]")
# UTF-8 read as Windows-1252: Ã© for é, â€™ for ’, and two signs of three bytes in a row; one
# alone is also how a French word ends before a quotation mark.
_FOLLOWS = "\u0080-\u00bf\u0152-\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_LATIN = re.compile(f"[ÂÃ][{_FOLLOWS}]|â[€\u0080][{_FOLLOWS}]|(?:[á-ï][{_FOLLOWS}]{{2}}){{2,}}")
_HAN_ROW = re.compile("[\u4e00-\u9fff]{6,30}")
_LOST = re.compile("锟斤拷|烫烫烫|屯屯屯")


@dataclass
class _Places:
    """Where something was found: how many lines, the first ten of them, and some examples."""

    count: int = 0
    lines: list[int] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, number: int, example: str = "") -> None:
        self.count += 1
        if len(self.lines) < 10:
            self.lines.append(number)
        if example and len(self.examples) < 3 and example not in self.examples:
            self.examples.append(example)


class _Repeated:
    """How many lines stand more than once, in bounded memory.

    Lines of less than half the mean length so far are left aside: speakers of a play, "Exeunt"
    and titles repeat by their nature, and are no copies of a text.

    Counts lines by hash. When there are too many hashes, those not divisible by the next power
    of two are forgotten: what is left is an unbiased sample of the distinct lines (Gibbons 2001).
    """

    def __init__(self, bound: int = 500_000) -> None:
        self._bound, self._every = bound, 1
        self._counts: dict[int, int] = {}
        self._lines = self._characters = 0
        self.places = _Places()

    def add(self, number: int, text: str) -> None:
        self._lines += 1
        self._characters += len(text)
        if 2 * len(text) * self._lines < self._characters:
            return
        data = text.encode("utf-8", "surrogatepass")
        code = int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
        if code % self._every:
            return
        seen = self._counts.get(code, 0)
        self._counts[code] = seen + 1
        if seen:
            self.places.add(number, text[:40])
        elif len(self._counts) > self._bound:
            self._every *= 2
            self._counts = {c: n for c, n in self._counts.items() if c % self._every == 0}

    @property
    def share(self) -> float:
        """The lines that repeat an earlier one, as a share of those looked at; from the sample."""
        total = sum(self._counts.values())
        return (total - len(self._counts)) / total if total else 0.0


def check_lines(
    source: TextSource,
    *,
    encoding: str | None = None,
    max_bytes: int | None = None,
    max_line: int = MAX_LINE,
) -> list[Finding]:
    """Everything to know about a text before a network is trained on it.

    Reads line by line in bounded memory. Repeated lines are counted exactly up to half a
    million different lines, beyond that estimated.

    Args:
        source, encoding, max_bytes, max_line: as `read_lines` takes them.

    Returns:
        Findings, the fatal ones first, then warnings, then notes.

    Raises:
        DataError: the text cannot be read at all: no such file, or an unknown encoding.

    >>> findings = check_lines(["a cat", "", "a cat", "the cafÃ©"])
    >>> [finding.code for finding in findings]
    ['mojibake', 'repeated-lines', 'empty-lines']
    >>> print(check_lines(["a cat", "a bell\\x07"])[0])
    lines, line 2: control characters in 1 line: U+0007. Remedy: take them out.
    """
    text = Text(source, encoding=encoding, max_bytes=max_bytes, max_line=max_line)
    repeated, audits = _Repeated(), []
    for document in text.documents:
        audit = _Audit(document.name)
        for first, lines in document.batches(max_line, cut=True):
            for number, line in enumerate(lines, start=first):
                audit.add(number, line, max_line)
                if line and not line.isspace():
                    repeated.add(number, line)
        audits.append((document, audit))
    findings = [one for document, audit in audits for one in audit.findings(max_line)]
    findings += [one for document, _ in audits for one in _form(document, encoding)]
    findings += _without_text(text, [audit for _, audit in audits])
    findings += _repeated_lines(text.name, repeated)
    return by_severity(findings)


class _Audit:
    """What is seen line by line in one document."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts = self.one_word = 0
        self.places: defaultdict[str, _Places] = defaultdict(_Places)

    def add(self, number: int, line: str, max_line: int) -> None:
        if len(line) > min(_LONG, max_line):
            self.places["long-lines" if len(line) <= max_line else "line-too-long"].add(number)
        if not line or line.isspace():
            self.places["empty-lines"].add(number)
            return
        self.texts += 1
        self.one_word += len(line.split(maxsplit=1)) == 1 and not _CJK.search(line)
        if not line.isprintable():
            self._unprintable(number, line)
        if not line.isascii():
            self._foreign(number, line)

    def _unprintable(self, number: int, line: str) -> None:
        for code, pattern in (
            ("control-characters", _CONTROL),
            ("invisible-characters", _INVISIBLE),
        ):
            if found := pattern.search(line):
                self.places[code].add(number, f"U+{ord(found[0]):04X}")

    def _foreign(self, number: int, line: str) -> None:
        if "\ufffd" in line:
            self.places["replacement-characters"].add(number)
        if read := _misread(line):
            self.places["mojibake"].add(number, read)
        if not unicodedata.is_normalized("NFC", line):
            self.places["not-normalised"].add(number)

    def findings(self, max_line: int) -> Iterator[Finding]:
        for code, (severity, what, remedy) in _MEANING.items():
            if places := self.places.get(code):
                count = f"{places.count:,} line{'s' if places.count > 1 else ''}"
                message = what.format(lines=count, max_line=max_line, long=_LONG)
                if places.examples:
                    message += f": {', '.join(places.examples)}"
                first, *rest = places.lines
                yield Finding(severity, code, message, self.name, first, tuple(rest), remedy)
        if self.texts and self.one_word >= _ONE_WORD * self.texts:
            yield Finding(
                "warning",
                "one-word-lines",
                f"{self.one_word:,} of the {self.texts:,} lines with text are one word",
                self.name,
                remedy="a list of words teaches spelling only; give running text, or tokens by "
                "characters",
            )


_MEANING: dict[str, tuple[Severity, str, str]] = {
    "line-too-long": (
        "fatal",
        "{lines} of more than {max_line:,} characters",
        "break the text into lines, or raise the bound (max_line, --max-line)",
    ),
    "control-characters": ("warning", "control characters in {lines}", "take them out"),
    "invisible-characters": (
        "warning",
        "invisible characters (marks of order or of direction, soft hyphens) in {lines}",
        "take them out, or they become tokens",
    ),
    "replacement-characters": (
        "warning",
        "U+FFFD stands in {lines}: characters were lost when the text was converted",
        "convert the original again, with the encoding it is in",
    ),
    "mojibake": (
        "warning",
        "{lines} read as if decoded in the wrong encoding",
        "convert the original again, with the encoding it is in",
    ),
    "long-lines": (
        "warning",
        "{lines} of more than {long:,} characters",
        "break them into sentences, or train on the text as one stream",
    ),
    "empty-lines": (
        "note",
        "{lines} without text",
        "keep them, skip them, or let them part documents (blank)",
    ),
    "not-normalised": (
        "note",
        "{lines} not in the normal form NFC: the same letter is written in two ways",
        "set normal_form='NFC'",
    ),
}


def _misread(line: str) -> str:
    """What is wrong, with what it was, where a line looks decoded in the wrong encoding; or ""."""
    if lost := _LOST.search(line):
        return lost[0]
    for found in (_LATIN.search(line), *_HAN_ROW.finditer(line)):
        was = _decoded_again(found[0]) if found else ""
        if found and was and (found.re is _LATIN or _CJK.search(was)):  # not 联通, which is both
            return f"{found[0]} for {was}"
    return ""


def _decoded_again(text: str) -> str:
    """The bytes that the text was, decoded as UTF-8; "" where they are not UTF-8."""
    encoding = "gb18030" if _HAN_ROW.match(text) else "cp1252"
    try:  # the five bytes that Windows-1252 leaves free came through as themselves
        data = b"".join(one.encode("latin-1" if one < "\u0100" else encoding) for one in text)
        return codecs.getincrementaldecoder("utf-8")().decode(data)  # the end may be cut off
    except UnicodeError:
        return ""


def _form(document: Document, named: str | None) -> Iterator[Finding]:
    encoding = document.encoding
    if encoding and not named and not encoding.startswith("utf-8"):
        label = "GBK (as gb18030)" if encoding == "gb18030" else encoding.upper()
        yield Finding(
            "note",
            "encoding",
            f"the encoding was detected: {label}",
            document.name,
            remedy="see that the text reads well, or name the encoding",
        )
    if len(document.newlines) > 1:
        names = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
        yield Finding(
            "warning",
            "mixed-newlines",
            f"lines end in {len(document.newlines)} ways: "
            f"{', '.join(names[one] for one in document.newlines)}",
            document.name,
            remedy="write all with one kind of line break; a lone CR may stand inside a line",
        )


def _without_text(text: Text, audits: list[_Audit]) -> Iterator[Finding]:
    any_text = any(audit.texts for audit in audits)
    for audit in audits if any_text else audits[:1]:
        if not audit.texts:
            yield Finding(
                "warning" if any_text else "fatal",
                "no-text",
                "there is no line with text",
                audit.name if any_text else text.name,
                remedy="leave the file out" if any_text else "give a file with text",
            )


def _repeated_lines(name: str, repeated: _Repeated) -> Iterator[Finding]:
    share, places = repeated.share, repeated.places
    if places.count and share >= _NOTED:
        first, *rest = places.lines
        yield Finding(
            "warning" if share >= _MANY else "note",
            "repeated-lines",
            f"{share:.1%} of the lines, but for short ones, repeat an earlier one: "
            f"{some(map(repr, places.examples), len(places.examples))}",
            name,
            first,
            tuple(rest),
            "take the repetitions out before the text is parted: a line that is in training and "
            "in the test measures memory",
        )
