"""A text as the numbers of its tokens, on disk, with its sentences and documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnemonist.data.shares import contiguous
from mnemonist.data.text.counting import count_vocabulary
from mnemonist.data.text.encoder import LineEncoder
from mnemonist.data.text.lines import Text, TextSource
from mnemonist.data.text.store import ArrayWriter, TemporaryFolder, read_arrays, writing
from mnemonist.data.text.tokenizer import Tokenizer
from mnemonist.data.text.vocabulary import EOS, UNK, Vocabulary
from mnemonist.errors import DataError

__all__ = ["CorpusStatistics", "Parts", "TokenCorpus"]

_FORMAT = 1  # part of the key: another layout or another meaning is another number
_TYPES = {
    "ids": "<i4",  # of the tokens
    "offsets": "<i8",  # where each sentence begins among them, and where the last one ends
    "lines": "<i4",  # the line number of each sentence
    "characters": "<i4",  # how many each sentence has
    "documents": "<i8",  # the sentence with which each document begins
}
_CHUNK = 1 << 22


class CorpusStatistics(NamedTuple):
    """What stands in a corpus or a part of it.

    `tokens` are with the "<eos>" of each sentence, `unknown_rate` is the share of "<unk>" among
    the tokens without them, `types` is how many different ones there are, and `characters` are
    those of the lines as they stand in the file, without line breaks.
    """

    documents: int
    sentences: int
    tokens: int
    types: int
    unknown: int
    unknown_rate: float
    characters: int


class Parts(NamedTuple):
    """Contiguous parts of a corpus in its order."""

    train: TokenCorpus
    valid: TokenCorpus
    test: TokenCorpus


@dataclass(frozen=True, eq=False)
class TokenCorpus:
    """Sentences (the lines of a text) as numbers, or a contiguous part of them.

    The arrays lie on disk and are mapped into memory, so that a corpus may be larger than it.
    What was read of them counts as resident until the system needs the memory for others.

    Args:
        content: a hash of the text, whatever its files are called.
        tokenizer, vocabulary: what made the numbers.
        undercount: by how much the vocabulary's counts may be too low; 0 unless the text has
            more than a million types (see `BoundedCounter`).
        bounds: the sentences with which validation and test begin.
        first, last: the part of the sentences that this is, the last one not included.
    """

    content: str
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    undercount: int
    bounds: tuple[int, int]
    first: int
    last: int
    _arrays: dict[str, np.ndarray]
    _temporary: TemporaryFolder | None = None  # lives as long as a part that reads it

    @classmethod
    def build(
        cls,
        source: TextSource | Text,
        tokenizer: Tokenizer,
        vocabulary: Vocabulary | None = None,
        *,
        valid: float | int = 0.0,
        test: float | int = 0.0,
        cache: str | Path | None = None,
        max_size: int | None = None,
        min_count: int = 1,
        specials: Sequence[str] = (UNK, EOS),
    ) -> TokenCorpus:
        """Encode a text in two passes over its files, the first one for the vocabulary.

        Memory holds some million characters and the vocabulary, whatever the size of the text.
        What is made is kept in `cache` under a key of the files' content, the tokenizer, the
        vocabulary (or how it is counted) and how lines are read, and is read from there the
        next time.

        Args:
            source: a file, a folder of .txt files, lines, or a `Text` with options of reading.
            tokenizer: cuts each line.
            vocabulary: numbers the tokens; by default it is counted, on the training part only.
            valid, test: the share of the sentences (below 1) or a number of them, from the end:
                first validation, then test. See `parts`.
            cache: a folder; by default a temporary one that is removed with the corpus.
            max_size, min_count, specials: of a vocabulary that is counted.

        Raises:
            DataError: the text cannot be read, holds no line, or changes while it is read; the
                cache cannot be written.
            ConfigError: parts that leave nothing for training.

        >>> from mnemonist.data.text import Characters
        >>> corpus = TokenCorpus.build(["ab", "a", "cab"], Characters(), test=1)
        >>> corpus.ids.tolist(), corpus.offsets.tolist()
        ([2, 3, 1, 2, 1, 0, 2, 3, 1], [0, 3, 5, 9])
        >>> corpus.parts().test.text(0), corpus.vocabulary.tokens
        ('<unk>ab', ('<unk>', '<eos>', 'a', 'b'))
        """
        text = source if isinstance(source, Text) else Text(source)
        counting = {"max_size": max_size, "min_count": min_count, "specials": list(specials)}
        stamp, content = text.stamp(), text.digest()
        key = _key(text, content, tokenizer, vocabulary, counting | {"valid": valid, "test": test})
        temporary = None if cache is not None else TemporaryFolder("corpus-")
        folder = (temporary.path if temporary else Path(cache or ".")) / key
        if read_arrays(folder, _TYPES) is None:
            with writing(folder, _TYPES) as writer:
                _write(writer, text, tokenizer, vocabulary, (valid, test), counting)
                if text.stamp() != stamp:
                    raise DataError(f"{text.name} was changed while it was read; start again.")
        found = read_arrays(folder, _TYPES)
        if found is None:
            raise DataError(f"{folder} is not what was written there a moment ago; start again.")
        arrays, info = found
        if vocabulary is None:
            vocabulary = Vocabulary.from_dict(info["vocabulary"])
        valid_from, test_from = info["bounds"]
        return cls(
            content,
            tokenizer,
            vocabulary,
            info["undercount"],
            (valid_from, test_from),
            0,
            len(arrays["lines"]),
            arrays,
            temporary,
        )

    def __len__(self) -> int:
        return self.last - self.first

    def __repr__(self) -> str:
        return f"TokenCorpus({len(self):,} sentences, {len(self.ids):,} tokens)"

    @property
    def ids(self) -> np.ndarray:
        """(tokens,) int32: the numbers of all tokens in the order of the text."""
        offsets = self._arrays["offsets"]
        return self._arrays["ids"][offsets[self.first] : offsets[self.last]]

    @property
    def offsets(self) -> np.ndarray:
        """(sentences + 1,) int64: where each sentence begins in `ids`, and where the last ends."""
        offsets = self._arrays["offsets"][self.first : self.last + 1]
        return offsets - offsets[0]

    @property
    def documents(self) -> np.ndarray:
        """(documents + 1,) int64: the sentence with which each begins, and that after the last.

        A document that begins before this part begins with it.
        """
        starts = self._arrays["documents"]
        if not len(self):
            return np.zeros(1, dtype=np.int64)
        inside = starts[(starts > self.first) & (starts < self.last)]
        return np.array([self.first, *inside, self.last], dtype=np.int64) - self.first

    @property
    def lines(self) -> np.ndarray:
        """(sentences,) int32: the line number of each in its file."""
        return self._arrays["lines"][self.first : self.last]

    @property
    def characters(self) -> np.ndarray:
        """(sentences,) int32: the characters of each line, its line break not among them."""
        return self._arrays["characters"][self.first : self.last]

    def sentence(self, index: int) -> np.ndarray:
        """(tokens,) int32: the numbers of one sentence, with its "<eos>".

        Raises:
            IndexError: there is no such sentence.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"sentence {index} of {len(self)}")
        start, end = self._arrays["offsets"][self.first + index : self.first + index + 2]
        return self._arrays["ids"][start:end]

    def sentences(self) -> Iterator[np.ndarray]:
        """The sentences one after the other."""
        return (self.sentence(index) for index in range(len(self)))

    def text(self, index: int) -> str:
        """One sentence as text again, as well as tokens allow."""
        tokens = self.vocabulary.decode(self.sentence(index))
        return self.tokenizer.join([token for token in tokens if token != EOS])

    def part(self, start: int, stop: int) -> TokenCorpus:
        """The sentences from start to before stop, which copies nothing.

        Raises:
            IndexError: they are not all there.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"sentences {start} to {stop} of {len(self)}")
        return replace(self, first=self.first + start, last=self.first + stop)

    def parts(self) -> Parts:
        """Training, validation and test, as `build` was told: contiguous, the latest for the test."""
        whole = replace(self, first=0, last=len(self._arrays["lines"]))
        valid, test = self.bounds
        return Parts(whole.part(0, valid), whole.part(valid, test), whole.part(test, len(whole)))

    def counts(self) -> np.ndarray:
        """(vocabulary,) int64: how often each token stands here."""
        ids, counts = self.ids, np.zeros(len(self.vocabulary), dtype=np.int64)
        for start in range(0, len(ids), _CHUNK):
            counts += np.bincount(ids[start : start + _CHUNK], minlength=len(counts))
        return counts

    def statistics(self) -> CorpusStatistics:
        """Counts of documents, sentences, tokens, types, unknown tokens and characters."""
        counts, unk, eos = self.counts(), self.vocabulary.unk, self.vocabulary.eos
        tokens = int(counts.sum())
        words = tokens - (int(counts[eos]) if eos is not None else 0)
        unknown = int(counts[unk]) if unk is not None else 0
        return CorpusStatistics(
            documents=len(self.documents) - 1,
            sentences=len(self),
            tokens=tokens,
            types=int(np.count_nonzero(counts)),
            unknown=unknown,
            unknown_rate=unknown / words if words else 0.0,
            characters=int(self.characters.sum(dtype=np.int64)),
        )


def _write(
    writer: ArrayWriter,
    text: Text,
    tokenizer: Tokenizer,
    vocabulary: Vocabulary | None,
    shares: tuple[float | int, float | int],
    counting: dict[str, Any],
) -> None:
    """Count, where no vocabulary is given, and encode."""
    saved, undercount = None, 0
    if vocabulary is None:
        lines, _ = _bounds(text, sum(len(block.lines) for block in text.blocks()), shares)
        vocabulary, undercount = count_vocabulary(text, tokenizer, lines=lines, **counting)
        saved = vocabulary.to_dict()
    count = _encode(text, LineEncoder(tokenizer, vocabulary), writer)
    bounds = _bounds(text, count, shares)
    writer.finish({"bounds": bounds, "undercount": undercount, "vocabulary": saved})


def _bounds(text: Text, count: int, shares: tuple[float | int, float | int]) -> tuple[int, int]:
    if not count:
        raise DataError(f"{text.name} has no line with text in it.")
    return contiguous(count, *shares, label=text.name, unit="lines")


def _encode(text: Text, encoder: LineEncoder, writer: ArrayWriter) -> int:
    """Write all arrays and return how many sentences there are."""
    tokens = sentences = 0
    writer.append(offsets=np.zeros(1))
    for block in text.blocks():
        numbers, lengths = encoder.encode(block.lines)
        writer.append(
            ids=numbers,
            offsets=tokens + np.cumsum(lengths),
            lines=np.array(block.numbers),
            characters=np.fromiter(map(len, block.lines), dtype=np.int64, count=len(block.lines)),
            documents=sentences + np.array(block.starts),
        )
        tokens += len(numbers)
        sentences += len(block.lines)
    return sentences


def _key(
    text: Text,
    content: str,
    tokenizer: Tokenizer,
    vocabulary: Vocabulary | None,
    counting: dict[str, Any],
) -> str:
    parts = {
        "format": _FORMAT,
        "content": content,
        "encodings": [document.encoding for document in text.documents],
        "blank": text.blank,
        "tokenizer": tokenizer.fingerprint,
        "vocabulary": None if vocabulary is None else vocabulary.fingerprint,
        "counting": counting,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
