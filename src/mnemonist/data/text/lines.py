"""Text files and folders read line by line, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from mnemonist.data.encodings import decoded, detect_encoding
from mnemonist.data.files import check_file
from mnemonist.errors import ConfigError, DataError

__all__ = ["MAX_LINE", "Block", "Document", "Text", "TextSource", "read_lines"]

TextSource = str | Path | Sequence[str]
"""A file, a folder of .txt files, or lines; a single str is a path."""

MAX_LINE = 1_000_000
_MUSIC = (".abc", ".mid", ".midi", ".mxl", ".musicxml")
_BLOCK = 1 << 20
_LINES = 1 << 14

BlankLines = Literal["keep", "skip", "split"]


class Document:
    """One file, or lines from memory.

    Args:
        name: the file as named, or "lines".
        path: of a file.
        texts: the lines, where there is no file.
        encoding: by default detected when it is first asked for.
    """

    def __init__(
        self,
        name: str,
        *,
        path: Path | None = None,
        texts: Sequence[str] = (),
        encoding: str | None = None,
    ) -> None:
        self.name, self.path, self._texts, self._encoding = name, path, texts, encoding
        self.newlines: tuple[str, ...] = ()

    @cached_property
    def encoding(self) -> str | None:
        """The name that Python knows it by; None of lines from memory."""
        return detect_encoding(self.path) if self.path and not self._encoding else self._encoding

    def lines(self, max_line: int = MAX_LINE) -> Iterator[tuple[int, str]]:
        """(line number from 1, text without the line break).

        Raises:
            DataError: a longer line, bytes that are not of the encoding, or a line from memory
                that is no text or holds a line break.
        """
        for first, lines in self.batches(max_line):
            yield from enumerate(lines, start=first)

    def batches(self, max_line: int, *, cut: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The lines, about a million characters at a time, with the number of the first.

        With `cut` a longer line is no error, but comes as its first max_line + 1 characters.
        """
        first = 1
        for lines in self._memory() if self.path is None else self._file(max_line):
            if max(map(len, lines)) > max_line:
                if not cut:
                    at = next(k for k, line in enumerate(lines) if len(line) > max_line)
                    raise DataError(
                        f"{self.name}, line {first + at}: more than {max_line:,} characters in one "
                        "line. Break the text into lines, or raise the bound (max_line, --max-line)."
                    )
                lines = [line[: max_line + 1] for line in lines]
            yield first, lines
            first += len(lines)

    def _file(self, max_line: int) -> Iterator[list[str]]:
        assert self.path is not None
        assert self.encoding is not None
        with decoded(self.path, self.encoding), self.path.open(encoding=self.encoding) as file:
            rest = ""
            while chunk := file.read(_BLOCK):
                *lines, rest = (rest + chunk).split("\n")
                rest = rest[: max_line + 1]  # a line without end must not fill the memory
                if lines:
                    yield lines
            if rest:
                yield [rest]
            newlines = file.newlines
            self.newlines = (newlines,) if isinstance(newlines, str) else tuple(newlines or ())

    def _memory(self) -> Iterator[list[str]]:
        for number, text in enumerate(self._texts, start=1):
            if not isinstance(text, str):
                raise DataError(f"line {number} is {type(text).__name__}; a text was expected.")
            if "\n" in text or "\r" in text:
                raise DataError(f"line {number} holds a line break; give each line on its own.")
        for start in range(0, len(self._texts), _LINES):
            yield list(self._texts[start : start + _LINES])

    def update(self, digest: hashlib._Hash) -> None:
        """Feed the content to a hash."""
        if self.path is None:
            for text in self._texts:
                data = text.encode("utf-8", "surrogatepass")
                digest.update(f"{len(data)}:".encode() + data)
        else:
            with self.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())


@dataclass
class Block:
    """Some lines of a text, about a million characters.

    Args:
        lines: without line breaks.
        numbers: the line number of each.
        starts: the places among them where a document begins.
    """

    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def add(self, first: int, lines: list[str], begins: bool, blank: BlankLines) -> bool:
        """Take the lines, of which the first has the number `first`; heed the blank ones.

        Args:
            begins: whether a document begins with the next line that has text.

        Returns:
            The same for the lines that follow.
        """
        if blank == "keep":
            if begins:
                self.starts.append(len(self.lines))
            self.lines += lines
            self.numbers += range(first, first + len(lines))
            return False
        expected = 0
        for at, line in enumerate(lines):
            if not line or line.isspace():
                continue
            if begins or (blank == "split" and at != expected):
                self.starts.append(len(self.lines))
            begins, expected = False, at + 1
            self.lines.append(line)
            self.numbers.append(first + at)
        return begins or (blank == "split" and expected != len(lines))


class Text:
    """The lines of a file, of a folder's .txt files in the order of their names, or of a list.

    Args:
        source: a path, or lines. Each file is a document.
        encoding: of the files; by default detected for each (UTF-8, UTF-16, UTF-32, GBK).
        max_bytes: refuse more than this in all; by default none is too large, since lines are
            read one by one.
        max_line: the longest line, in characters.
        blank: what a line without text is: "keep" an empty line, "skip" nothing, "split" the
            end of a document.

    Raises:
        DataError: no such file, an empty one, a folder without .txt files, or too many bytes.
        ConfigError: an unknown `blank`.
    """

    def __init__(
        self,
        source: TextSource,
        *,
        encoding: str | None = None,
        max_bytes: int | None = None,
        max_line: int = MAX_LINE,
        blank: BlankLines = "keep",
    ) -> None:
        if blank not in get_args(BlankLines):
            raise ConfigError(f"blank={blank!r}: 'keep', 'skip' or 'split'.")
        if max_line < 1:
            raise ConfigError(f"max_line={max_line}: at least 1.")
        self.encoding, self.max_line, self.blank = encoding, max_line, blank
        if isinstance(source, str | Path):
            path = Path(source)
            paths = _files(path, max_bytes)
            self.name = str(path)
            self.documents = [Document(str(one), path=one, encoding=encoding) for one in paths]
        else:
            self.name = "lines"
            self.documents = [Document("lines", texts=source)]

    def lines(self) -> Iterator[tuple[int, str]]:
        """All lines with their numbers, which begin again with each file."""
        for document in self.documents:
            yield from document.lines(self.max_line)

    def blocks(self) -> Iterator[Block]:
        """The lines with `blank` heeded, some thousands at a time."""
        block, size = Block(), 0
        for document in self.documents:
            begins = True
            for first, lines in document.batches(self.max_line):
                begins = block.add(first, lines, begins, self.blank)
                size += sum(map(len, lines))
                if size >= _BLOCK and block.lines:
                    yield block
                    block, size = Block(), 0
        if block.lines:
            yield block

    def digest(self) -> str:
        """A hash of the content and of where documents end, whatever the files are called."""
        digest = hashlib.sha256()
        for document in self.documents:
            document.update(digest)
            digest.update(b"\0document\0")
        return digest.hexdigest()

    def stamp(self) -> list[tuple[int, int]]:
        """Size and time of change of each file, which tell that one was written meanwhile."""
        stats = [document.path.stat() for document in self.documents if document.path]
        return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


def read_lines(
    source: TextSource,
    *,
    encoding: str | None = None,
    max_bytes: int | None = None,
    max_line: int = MAX_LINE,
) -> Iterator[tuple[int, str]]:
    """(line number, text) of each line of a file, of a folder's .txt files, or of a list.

    Lines end with LF, CR LF or CR, which are left out. Memory holds one line at a time; a
    compressed file is refused. The numbers begin again with each file of a folder.

    Args:
        source, encoding, max_bytes, max_line: as `Text` takes them.

    Raises:
        DataError: what `Text` refuses, a longer line, or bytes that are not of the encoding.

    >>> list(read_lines(["白日依山尽", "黄河入海流"]))
    [(1, '白日依山尽'), (2, '黄河入海流')]
    """
    text = Text(source, encoding=encoding, max_bytes=max_bytes, max_line=max_line)
    return text.lines()


def _files(path: Path, max_bytes: int | None) -> list[Path]:
    if not path.is_dir():
        check_file(path, max_bytes=max_bytes, wanted="a text file", content="lines of text were")
        return [path]
    found = (one for one in path.iterdir() if one.suffix.lower() == ".txt" and one.is_file())
    paths = sorted(one for one in found if one.stat().st_size)
    if not paths:
        music = any(one.suffix.lower() in _MUSIC for one in path.iterdir())
        hint = f" Music becomes text by: mnemonist music {path} tunes.txt" if music else ""
        raise DataError(
            f"{path} holds no .txt file with text in it; name a file, or add some.{hint}"
        )
    size = sum(one.stat().st_size for one in paths)
    if max_bytes is not None and size > max_bytes:
        raise DataError(
            f"the {len(paths)} .txt files in {path} have {size:,} bytes, more than the bound of "
            f"{max_bytes:,}. Take some out, or raise the bound (max_bytes, --max-bytes)."
        )
    return paths
