"""Which encoding a text file is in: detected where it can be, named where it cannot."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnemonist.errors import DataError

__all__ = ["decoded", "detect_encoding"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"PAR1", "a Parquet file without the ending .parquet"),
)
_CHUNK = 1 << 20


def detect_encoding(path: Path) -> str:
    """The encoding of a text file, by its byte-order mark or by what decodes.

    UTF-8 (with and without mark), UTF-16 and UTF-32 (with mark, or UTF-16 by its zero
    bytes) and GBK are recognised. GBK accepts most byte sequences, so it is believed only
    where the text falls into GB 2312, the characters in everyday use.

    Raises:
        DataError: the bytes are none of these; the message names the line.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, kind in _NOT_TEXT:
        if head.startswith(magic):
            raise DataError(
                f"{path} is {kind}, not a text file. Unpack it, or export the table as CSV (UTF-8)."
            )
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if (zeros := _zero_bytes(head)) is not None:
        return zeros
    if (at := _first_undecodable(path, "utf-8")) is None:
        return "utf-8"
    if _first_undecodable(path, "gb18030") is None and _mostly_gb2312(path):
        return "gb18030"
    offset, line, byte = at
    raise DataError(
        f"{path}, line {line}: the byte 0x{byte:02X} (offset {offset}) is not UTF-8, and the file "
        "is not UTF-16 or GBK either. Name its encoding, for example encoding='latin-1' "
        "(--encoding latin-1), or save the file as UTF-8."
    )


@contextmanager
def decoded(path: Path, encoding: str) -> Iterator[None]:
    """Around the reading of a text file: what cannot be read or decoded is a DataError."""
    try:
        yield
    except LookupError as error:
        raise DataError(
            f"encoding={encoding!r} is no encoding that Python knows; for example 'utf-8', 'gbk', "
            "'utf-16' or 'latin-1'."
        ) from error
    except UnicodeError as error:
        raise DataError(
            f"{path} is not {encoding}: {error}. Leave the encoding out to have it detected."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _zero_bytes(head: bytes) -> str | None:
    """UTF-16 without a mark shows as every other byte zero, in text that is mostly ASCII."""
    even, odd = head[0::2], head[1::2]
    if odd and odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if odd and even.count(0) > 0.4 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _first_undecodable(path: Path, encoding: str) -> tuple[int, int, int] | None:
    """(offset, line, byte) where decoding fails, None where it does not."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset, line, pending = 0, 1, b""
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                data = pending + chunk
                start = min(error.start, len(data) - 1)
                line += data[:start].count(b"\n") - pending.count(b"\n")
                return offset - len(pending) + start, line, data[start]
            if not chunk:
                return None
            pending = decoder.getstate()[0]
            offset += len(chunk)
            line += chunk.count(b"\n")


def _mostly_gb2312(path: Path) -> bool:
    with path.open("rb") as file:
        text = file.read(_CHUNK).decode("gb18030", errors="ignore")
    foreign = [character for character in text if ord(character) > 127]
    if not foreign:
        return True
    everyday = sum(_encodes(character, "gb2312") for character in foreign)
    return everyday >= 0.9 * len(foreign)


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
