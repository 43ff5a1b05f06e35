"""A sentence with its tags, and a set of them with where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mnemonist.data.findings import Finding
from mnemonist.data.tags.schemes import Scheme, Span, detect_scheme
from mnemonist.errors import DataError

__all__ = ["Sentence", "TaggedSet"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens, a tag for each, and where they stand.

    Args:
        tokens: the tokens.
        tags: as many.
        file, line: where it begins; line 0 where it comes from no file.
        lines: the line of each token, where each has its own.
        document: the name of the document it is part of, where the file tells one.
        text: the text that the tokens were cut from, where there is one.
        offsets: in it, the first character of each token and the one after its last.
        groups: spans of tokens that are marked as one, beside the tags: the brackets in
            `[中央/n 电视台/n]nt`.

    >>> Sentence(("我", "吃", "苹果"), ("r", "v", "n")).show()
    '我/r 吃/v 苹果/n'
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    file: str = ""
    line: int = 0
    lines: Sequence[int] = ()
    document: str = ""
    text: str | None = None
    offsets: tuple[tuple[int, int], ...] = ()
    groups: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            where = f"{self.file}, line {self.line}: " if self.line else ""
            raise DataError(
                f"{where}{len(self.tokens)} tokens and {len(self.tags)} tags; one tag a token."
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def line_of(self, token: int) -> int:
        """The line in which a token stands."""
        return self.lines[token] if self.lines else self.line

    def show(self, separator: str = "/") -> str:
        """As one line of `word/TAG`."""
        return " ".join(f"{w}{separator}{t}" for w, t in zip(self.tokens, self.tags, strict=True))


@dataclass(frozen=True)
class TaggedSet:
    """Tagged sentences in the order of their files.

    Args:
        sentences: the sentences.
        name: the file as named.
        scheme: of the tags.
        notes: what was decided in reading, in sentences.
        findings: what was found in reading.

    >>> data = TaggedSet.from_sequences([["我", "吃", "苹果"]], [["r", "v", "n"]])
    >>> data.describe()
    '1 sentence, 3 tokens, 3 tags'
    """

    sentences: Sequence[Sentence]
    name: str = ""
    scheme: Scheme = "raw"
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def from_sequences(
        cls,
        tokens: Iterable[Sequence[str]],
        tags: Iterable[Sequence[str]],
        scheme: Scheme | None = None,
        name: str = "",
    ) -> TaggedSet:
        """A set from lists of tokens and of tags; the scheme is detected if not given."""
        sentences = [
            Sentence(tuple(words), tuple(own)) for words, own in zip(tokens, tags, strict=True)
        ]
        return cls(sentences, name, scheme or detect_scheme(one.tags for one in sentences))

    def __len__(self) -> int:
        return len(self.sentences)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    def __getitem__(self, index: int) -> Sentence:
        return self.sentences[index]

    def tag_counts(self) -> Counter[str]:
        """How many tokens have each tag, the most frequent first."""
        counts = Counter(tag for sentence in self.sentences for tag in sentence.tags)
        return Counter(dict(counts.most_common()))

    def tags(self) -> list[str]:
        """The tags that occur, sorted; O first, if it is one of them."""
        return sorted(self.tag_counts(), key=lambda tag: (tag != "O", tag))

    def take(self, indices: Iterable[int]) -> TaggedSet:
        """The sentences of these numbers; notes and findings stay with the whole."""
        return TaggedSet([self.sentences[k] for k in indices], self.name, self.scheme)

    def map(self, change: Callable[[Sentence], Sentence], scheme: Scheme, note: str) -> TaggedSet:
        """Every sentence changed, and a sentence that says how."""
        changed = [change(sentence) for sentence in self.sentences]
        return replace(self, sentences=changed, scheme=scheme, notes=[*self.notes, note])

    def describe(self) -> str:
        """One line with what there is."""
        tokens = sum(map(len, self.sentences))
        sizes = [(len(self), "sentence"), (tokens, "token"), (len(self.tag_counts()), "tag")]
        return ", ".join(f"{size:,} {unit}{'s' * (size != 1)}" for size, unit in sizes)
