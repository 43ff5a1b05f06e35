"""Fields of files, each record with its line: delimited columns, JSON, JSON lines, plain lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mnemonist.data.encodings import decoded, detect_encoding
from mnemonist.data.files import check_file
from mnemonist.data.findings import some
from mnemonist.data.text.lines import read_lines
from mnemonist.errors import DataError

__all__ = ["json_items", "json_lines", "plain_lines", "text_field", "text_rows"]

_LINE = 1 << 24
"""The characters of a line; a JSON object on it may hold much beside the texts."""


@contextmanager
def _opened(path: Path, encoding: str | None, max_bytes: int) -> Iterator[IO[str]]:
    """A text file of a bounded size, its encoding detected where it is not given.

    Raises:
        DataError: it is missing, empty or too large, or does not decode.
    """
    _check(path, max_bytes)
    encoding = encoding or detect_encoding(path)
    # the ends of lines stay as they are, for csv
    with decoded(path, encoding), path.open(encoding=encoding, newline="") as file:
        yield file


def plain_lines(path: Path, encoding: str | None, max_bytes: int) -> Iterator[tuple[int, str]]:
    """The lines and their numbers."""
    _check(path, max_bytes)
    yield from read_lines(path, encoding=encoding, max_line=_LINE)


def text_rows(
    path: Path, encoding: str | None, max_bytes: int, delimiter: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a delimited file with the lines on which they start; blank ones left out.

    Quotes group a cell where the delimiter is not a tab. In texts with tabs between them they
    are part of the text, as in most parallel corpora.
    """
    delimiter = delimiter or ("," if path.suffix.lower() == ".csv" else "\t")
    with _opened(path, encoding, max_bytes) as file:
        if delimiter == "\t":
            reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(file, delimiter=delimiter)
        start = 1
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    yield start, row
                start = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{path}, line {start}: {error}.") from error


def json_lines(path: Path, encoding: str | None, max_bytes: int) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON value a line; blank lines left out."""
    for number, line in plain_lines(path, encoding, max_bytes):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, number, error) from error


def json_items(path: Path, encoding: str | None, max_bytes: int) -> Iterator[tuple[int, Any]]:
    """The items of a JSON list with the lines on which they start."""
    with _opened(path, encoding, max_bytes) as file:
        text = file.read()
    decoder, line, counted = json.JSONDecoder(), 1, 0
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise DataError(
            f"{path}: a JSON list of objects was expected; it starts with {text[at : at + 20]!r}. "
            "One object a line is read from files named .jsonl."
        )
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "]":
        line += text.count("\n", counted, at)
        counted = at
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _broken(path, line, error) from error
        yield line, item
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise DataError(f"{path}, line {line}: after this item a comma or ] was expected.")


def text_field(record: Any, name: str, where: str) -> str:
    """The text under a name, or under names within names: "translation.en".

    >>> text_field({"translation": {"en": "Hello"}}, "translation.en", "a.json, line 1")
    'Hello'
    """
    value = record
    for part in [name] if isinstance(record, dict) and name in record else name.split("."):
        if not isinstance(value, dict):
            raise DataError(f"{where}: an object with the field {name!r} was expected.")
        if part not in value:
            raise DataError(
                f"{where}: there is no field {name!r}; there are {some(map(repr, value), len(value), 9)}. "
                "Name the fields of the source and of the target (source, target)."
            )
        value = value[part]
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise DataError(f"{where}: the field {name!r} holds no text but {type(value).__name__}.")
    return str(value)


def _check(path: Path, max_bytes: int) -> None:
    check_file(path, max_bytes=max_bytes, wanted="a file", content="pairs of texts were")


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _broken(path: Path, line: int, error: Exception) -> DataError:
    what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
    return DataError(f"{path}, line {line}: this is no JSON ({what}).")
