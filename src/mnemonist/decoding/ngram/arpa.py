"""N-gram models as ARPA files: those that KenLM and SRILM write, and those that they read."""

from __future__ import annotations

import math
import re
from array import array
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mnemonist.data.files import check_file
from mnemonist.data.limits import MAX_BYTES
from mnemonist.decoding.ngram.model import MAX_ORDER, Level, NGramModel, find
from mnemonist.errors import ConfigError, DataError

__all__ = ["read_arpa", "write_arpa"]

BOS, EOS = "<s>", "</s>"
_ZERO = -99.0
"""log10 of the probability of what is never predicted, as SRILM writes it."""
_BLANKS = set(" \t\n\r\v\f")
_COUNT = re.compile(rb"ngram\s+(\d{1,3})\s*=\s*(\d{1,18})")


def write_arpa(
    model: NGramModel, path: str | Path, words: Sequence[str], *, overwrite: bool = False
) -> None:
    """Write a model in the ARPA format (Doug Paul's; SRILM's manual page ngram-format(5)).

    The logarithms are decimal, with 12 digits; `read_arpa` gives the same probabilities.
    In a model of sequences BOS is `<s>` and EOS `</s>`, whatever `words` says of it.

    Args:
        words: the text of each id. Fields of the format end at blanks, so no word may hold any:
            give a space, a tab and a newline other names, "▁" for instance.
        overwrite: replace a file that is there.

    Raises:
        ConfigError: words that the format cannot hold, or as many as the vocabulary has not.
        DataError: the file exists.
    """
    names = _names(model, words)
    path = Path(path)
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists; say overwrite=True to replace it")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {n}={size}\n" for n, size in enumerate(model.sizes, 1))
        texts = [""]
        for order, level in enumerate(model.levels, 1):
            file.write(f"\n\\{order}-grams:\n")
            context, token = np.divmod(level.keys, len(names))
            parts = zip(context.tolist(), token.tolist())
            # the unigrams' one context is empty
            texts = [f"{texts[h]} {names[w]}" if order > 1 else names[w] for h, w in parts]
            probs = np.where(np.isneginf(level.log_prob), _ZERO, level.log_prob / math.log(10))
            weights = level.log_backoff / math.log(10)
            for text, prob, weight in zip(texts, probs.tolist(), weights.tolist()):
                backoff = f"\t{weight:.12g}" if order < model.order else ""
                file.write(f"{prob:.12g}\t{text}{backoff}\n")
        file.write("\n\\end\\\n")


def _names(model: NGramModel, words: Sequence[str]) -> list[str]:
    """The words of the ids 0 to V, in a model of streams one more than the file has."""
    if len(words) != model.vocabulary_size:
        raise ConfigError(
            f"{len(words)} words for a vocabulary of {model.vocabulary_size}: one for each id"
        )
    names = list(words)
    if model.eos is not None:
        names[model.eos] = EOS
    first: dict[str, int] = {}
    for number, word in enumerate(names):
        if not word or set(word) & _BLANKS:
            raise ConfigError(
                f"word {number} is {word!r}; an ARPA file can hold neither empty words nor such "
                "with blanks. Give it another name, '▁' for a space."
            )
        if word == BOS or (word == EOS and number != model.eos):
            raise ConfigError(
                f"word {number} is {word}, which in an ARPA file is a boundary of sequences and "
                "is none in this model. Give it another name."
            )
        if first.setdefault(word, number) != number:
            raise ConfigError(f"words {first[word]} and {number} are both {word!r}")
    return [*names, BOS]


def read_arpa(
    path: str | Path, *, encoding: str = "utf-8", max_bytes: int = MAX_BYTES
) -> tuple[NGramModel, list[str]]:
    """Read a model from an ARPA file.

    Fields end at spaces or tabs; a backoff weight that is missing is 1; what stands before
    \\data\\ is passed over. With `<s>` and `</s>` in the file the model is one of sequences.

    Args:
        encoding: of the words; one in which blanks and line ends are those of ASCII.
        max_bytes: the largest file that is read; memory is some times that.

    Returns:
        The model, and the text of each id in the order of the file's unigrams, without `<s>`.
        Where that lacks `<unk>`, the file has no probability for unknown words.

    Raises:
        DataError: the file is too large or not in the format; the message has the line.
    """
    path = Path(path)
    check_file(
        path,
        max_bytes=max_bytes,
        wanted="an ARPA file",
        content="an n-gram model was",
        cost="; reading it takes some times that in memory. Prune the model",
    )
    with path.open("rb") as file:
        return _Reader(path, file, encoding).read()


@dataclass
class _Rows:
    """The n-grams of one order (N,) as they stand in the file, logarithms natural."""

    ids: np.ndarray
    lines: np.ndarray
    log_prob: np.ndarray
    log_backoff: np.ndarray


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, encoding: str) -> None:
        self.path, self.file, self.encoding, self.number = path, file, encoding, 0
        self.ids: dict[bytes, int] = {}
        self.words: list[str] = []

    def error(self, what: str, line: int | None = None) -> DataError:
        return DataError(f"{self.path}, line {line or self.number}: {what}.")

    def line(self, expected: str) -> bytes:
        """The next line that is not empty; `expected` is what would come."""
        while line := self.file.readline():
            self.number += 1
            if text := line.strip():
                return text
        raise self.error(f"the file ends before {expected}")

    def read(self) -> tuple[NGramModel, list[str]]:
        while self.line("\\data\\, with which n-grams begin").removeprefix(BOM_UTF8) != b"\\data\\":
            pass
        counts, title = self.counts()
        levels: list[Level] = []
        for order, count in enumerate(counts, 1):
            if title != b"\\%d-grams:" % order:
                raise self.error(f"expected \\{order}-grams:, found {_shown(title)}")
            rows, title = self.rows(order, count)
            levels.append(self.unigrams(rows) if order == 1 else self.level(rows, levels))
        if title != b"\\end\\":
            raise self.error(f"expected \\end\\, found {_shown(title)}")
        eos = self.ids.get(EOS.encode()) if BOS.encode() in self.ids else None
        return NGramModel(levels, eos=eos), self.words

    def counts(self) -> tuple[list[int], bytes]:
        """How many n-grams of each order the head tells, and the line after it."""
        counts: list[int] = []
        while not (line := self.line("\\1-grams:")).startswith(b"\\"):
            match = _COUNT.fullmatch(line)
            if match is None or int(match[1]) != len(counts) + 1:
                raise self.error(
                    f"expected 'ngram {len(counts) + 1}=' and a count, found {_shown(line)}"
                )
            counts.append(int(match[2]))
        if not 1 <= len(counts) <= MAX_ORDER:
            raise self.error(f"the head names {len(counts)} orders; 1 to {MAX_ORDER} can be read")
        return counts, line

    def rows(self, order: int, count: int) -> tuple[_Rows, bytes]:
        """The n-grams of one order, and the line after them."""
        ids, lines, probs, weights = array("q"), array("q"), array("d"), array("d")
        number = self.new if order == 1 else self.ids.__getitem__
        while not (line := self.line("\\end\\")).startswith(b"\\"):
            fields = line.split()
            try:
                probs.append(float(fields[0]))
                # no context is as long as the last order; some tools write a weight all the same
                weights.append(float(fields[order + 1]) if len(fields) == order + 2 else 0.0)
            except ValueError as error:
                raise self.error(f"{_shown(line)} has no logarithm where one is due") from error
            try:
                ids.extend(map(number, fields[1 : order + 1]))
            except KeyError as error:
                raise self.error(
                    f"the word {_shown(error.args[0])} is not among the 1-grams"
                ) from error
            lines.append(self.number)
            if len(ids) != order * len(lines) or len(fields) > order + 2:
                raise self.error(
                    f"{len(fields)} fields; an n-gram of order {order} has a logarithm, {order} "
                    f"word{'s' if order > 1 else ''} and, if need be, a backoff weight"
                )
        if len(lines) != count:
            raise self.error(
                f"{count} n-grams of order {order} were promised; there are {len(lines)}"
            )
        rows = _Rows(
            np.array(ids, np.int64).reshape(-1, order),
            np.array(lines, np.int64),
            np.array(probs) * math.log(10),
            np.array(weights) * math.log(10),
        )
        self.check(rows, ~(rows.log_prob <= 0), "no logarithm of a probability, which is at most 0")
        self.check(rows, ~(rows.log_backoff < np.inf), "no logarithm of a backoff weight")
        return rows, line

    def check(self, rows: _Rows, wrong: np.ndarray, what: str) -> None:
        if wrong.any():
            raise self.error(what, int(rows.lines[np.argmax(wrong)]))

    def new(self, word: bytes) -> int:
        if word in self.ids:
            raise self.error(f"the word {_shown(word)} is listed twice")
        self.ids[word] = len(self.ids)
        return self.ids[word]

    def unigrams(self, rows: _Rows) -> Level:
        """The first level; `<s>` leaves the vocabulary for the place after it."""
        prob, weight, bos = rows.log_prob, rows.log_backoff, self.ids.pop(BOS.encode(), None)
        backoff = 0.0
        if bos is not None:
            prob, weight, backoff = np.delete(prob, bos), np.delete(weight, bos), weight[bos]
        size = len(prob)
        if not size:
            raise self.error("the file has no words")
        self.ids = dict(zip(self.ids, range(size)))
        for word, line in zip(self.ids, np.delete(rows.lines, [] if bos is None else bos)):
            try:
                self.words.append(word.decode(self.encoding))
            except UnicodeDecodeError as error:
                raise self.error(
                    f"{word[:40]!r} is not {self.encoding} ({error.reason})", int(line)
                ) from error
        if bos is not None:
            self.ids[BOS.encode()] = size
        return Level(np.arange(size + 1), np.append(prob, -np.inf), np.append(weight, backoff))

    def level(self, rows: _Rows, levels: list[Level]) -> Level:
        """A further level; the rows come in any order."""
        symbols, order = len(levels[0]), len(levels) + 1
        context = rows.ids[:, 0]
        for below, token in zip(levels[1:], rows.ids[:, 1:].T):
            context = find(below, context, token, symbols)
        what = f"the first {order - 1} words of this n-gram are not among the {order - 1}-grams"
        self.check(rows, context < 0, what)
        keys = context * symbols + rows.ids[:, -1]
        sorting = np.argsort(keys, kind="stable")
        keys = keys[sorting]
        if (keys[1:] == keys[:-1]).any():
            at = int(np.argmax(keys[1:] == keys[:-1]))
            first, second = rows.lines[sorting[at : at + 2]].tolist()
            raise self.error(f"this n-gram stands on line {first} already", second)
        return Level(keys, rows.log_prob[sorting], rows.log_backoff[sorting])


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "replace"))
