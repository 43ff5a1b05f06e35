"""Lines to the numbers of their tokens, many lines at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.data.text.counting import CODE_POINTS, code_points
from mnemonist.data.text.tokenizer import Characters, Tokenizer
from mnemonist.data.text.vocabulary import EOS, Vocabulary

__all__ = ["LineEncoder"]

_END = "\n"  # which no line holds


class LineEncoder:
    """A tokenizer and a vocabulary as one function of lines.

    Each line ends with "<eos>" where the vocabulary has it. Characters are looked up by code
    point in one table, without a loop over them.

    >>> from mnemonist.data.text import Characters, Vocabulary
    >>> encoder = LineEncoder(Characters(), Vocabulary.build("aab", specials=("<unk>", "<eos>")))
    >>> [part.tolist() for part in encoder.encode(["ab?", ""])]
    [[2, 3, 0, 1, 1], [4, 1]]
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
        self.tokenizer, self.vocabulary = tokenizer, vocabulary
        self._table: np.ndarray | None = None
        if isinstance(tokenizer, Characters):
            unknown = -1 if vocabulary.unk is None else vocabulary.unk
            self._table = np.full(CODE_POINTS, unknown, dtype=np.int32)
            for number, token in enumerate(vocabulary.tokens):
                if len(token) == 1:
                    self._table[ord(token)] = number
            if vocabulary.eos is not None:
                self._table[ord(_END)] = vocabulary.eos

    def encode(self, lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all lines one after the other, int32, and how many each line has, int64.

        Raises:
            DataError: an unknown token, and the vocabulary has no "<unk>".
        """
        if self._table is not None:
            return self._characters(self.tokenizer.normalize_lines(lines))
        return self._tokens([self.tokenizer.tokenize(line) for line in lines])

    def _characters(self, lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        assert self._table is not None
        end = "" if self.vocabulary.eos is None else _END
        text = "".join([line + end for line in lines])
        numbers = self._table[code_points(text)]
        if len(numbers) and numbers.min() < 0:
            self.vocabulary.encode(text[int(numbers.argmin())])  # raises, with the token's name
        return numbers, _lengths(lines) + len(end)

    def _tokens(self, lines: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
        if self.vocabulary.eos is not None:
            for line in lines:
                line.append(EOS)
        tokens = [token for line in lines for token in line]
        return self.vocabulary.encode(tokens).astype(np.int32), _lengths(lines)


def _lengths(lines: Sequence[Sequence[str]]) -> np.ndarray:
    return np.fromiter(map(len, lines), dtype=np.int64, count=len(lines))
