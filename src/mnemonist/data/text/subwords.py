"""Pieces of words, learnt from text by sentencepiece."""

from __future__ import annotations

import base64
import binascii
import io
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from mnemonist.data.text.normal import NormalForm, align, normal
from mnemonist.data.text.tokenizer import Tokenizer
from mnemonist.errors import ConfigError, DataError, MissingExtraError

__all__ = ["Subwords"]

_SPACE = "▁"  # U+2581, sentencepiece's sign for a space
_MAX_MODEL_BYTES = 64 * 2**20
_PIECE = 1000  # characters; sentencepiece passes over sentences of more than 4192 bytes


class Subwords(Tokenizer):
    """Pieces of words, of a model that sentencepiece trained (Kudo & Richardson 2018).

    A piece that begins a word starts with ▁ (U+2581), which stands for the space before it.
    The model changes nothing in the text, so `join` gives back exactly what was cut.

    Args:
        model: the trained model, as `Subwords.train` makes it.
        lowercase, normal_form: see `Tokenizer`.

    Raises:
        DataError: the bytes are no model, or more than 64 MiB.
        MissingExtraError: sentencepiece is not installed.

    >>> lines = ["the cat sat on the mat", "the hat is on the cat"] * 20
    >>> pieces = Subwords.train(lines, vocabulary_size=20).tokenize("the cat")
    >>> "".join(pieces)
    '▁the▁cat'
    """

    kind = "subwords"

    def __init__(
        self, model: bytes, *, lowercase: bool = False, normal_form: NormalForm | None = None
    ) -> None:
        super().__init__(lowercase=lowercase, normal_form=normal_form)
        if not 0 < len(model) <= _MAX_MODEL_BYTES:
            raise DataError(
                f"a sentencepiece model of {len(model):,} bytes: from 1 to {_MAX_MODEL_BYTES:,} "
                "were expected. Train the tokenizer again."
            )
        try:
            self._processor = _sentencepiece().SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise DataError(
                "the tokenizer's sentencepiece model is damaged; restore it from a copy, or train "
                "it again."
            ) from error
        self.model = model

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        *,
        vocabulary_size: int = 8000,
        algorithm: Literal["unigram", "bpe"] = "unigram",
        lowercase: bool = False,
        normal_form: NormalForm | None = None,
        character_coverage: float = 0.9995,
        sample_size: int = 100_000,
        seed: int = 0,
    ) -> Subwords:
        """Learn pieces from lines of text; the same lines and seed give the same model.

        Memory is bounded: from more than `sample_size` lines a sample of that size is drawn.

        Args:
            lines: the text of the training part.
            vocabulary_size: how many pieces; fewer where the text does not hold so many.
            algorithm: "unigram" (Kudo 2018) or "bpe" (Sennrich, Haddow & Birch 2016).
            lowercase, normal_form: see `Tokenizer`.
            character_coverage: the share of the text's characters that get a piece; the rarest
                ones become unknown.
            sample_size: how many lines are learnt from; of a long line each 1000 characters
                count as one.
            seed: of the sample.

        Raises:
            ConfigError: too few pieces for the characters of the text, or an unknown algorithm.
            DataError: there is no text.
        """
        if algorithm not in ("unigram", "bpe"):
            raise ConfigError(f"algorithm={algorithm!r}: 'unigram' or 'bpe'.")
        sentences = (
            normal(line[at : at + _PIECE], normal_form, lowercase)
            for line in lines
            for at in range(0, len(line), _PIECE)
        )
        sample = _sample((one for one in sentences if one.strip()), sample_size, seed)
        if not sample:
            raise DataError("there is no text to learn subwords from; lines with words are needed.")
        options: dict[str, Any] = {
            "vocab_size": vocabulary_size,
            "model_type": algorithm,
            "character_coverage": character_coverage,
            "hard_vocab_limit": False,
            "normalization_rule_name": "identity",
            "remove_extra_whitespaces": False,
            "bos_id": -1,
            "eos_id": -1,
            "num_threads": 1,  # sums in another order give other pieces
            "minloglevel": 2,
        }
        model = io.BytesIO()
        try:
            _sentencepiece().SentencePieceTrainer.train(
                sentence_iterator=iter(sample), model_writer=model, **options
            )
        except RuntimeError as error:
            raise ConfigError(
                f"sentencepiece could not learn {vocabulary_size} pieces from {len(sample):,} lines "
                f"({error}). Every character of the text needs a piece: ask for more of them "
                "(vocabulary_size), or cover fewer characters (character_coverage)."
            ) from error
        return cls(model.getvalue(), lowercase=lowercase, normal_form=normal_form)

    @property
    def pieces(self) -> list[str]:
        """All pieces of the model; the first is its sign for what has none."""
        size = self._processor.get_piece_size()
        return [self._processor.id_to_piece(number) for number in range(size)]

    def cut(self, text: str) -> list[str]:
        return self._processor.encode(text, out_type=str)

    def join(self, tokens: Sequence[str]) -> str:
        text = "".join(tokens).replace(_SPACE, " ")
        return text[1:] if text.startswith(" ") else text

    def spans(self, text: str) -> list[tuple[int, int]]:
        aligned = align(text, self.normal_form, self.lowercase)
        spans, at = [], -1  # the space before the text, which the model adds
        for token in self.cut(aligned.text):
            start, at = at, at + len(token)
            if token.startswith(_SPACE) and (len(token) > 1 or start < 0):
                start += 1
            spans.append(aligned.span(start, at))
        return spans

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"model": base64.b64encode(self.model).decode("ascii")}

    @staticmethod
    def model_from_text(text: object) -> bytes:
        """The bytes of a model that `to_dict` wrote as text.

        Raises:
            DataError: it is not base64, or too long.
        """
        if not isinstance(text, str) or len(text) > 2 * _MAX_MODEL_BYTES:
            raise DataError(
                "a tokenizer of subwords needs its model as base64 text of bounded size."
            )
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError(f"the tokenizer's model is not base64 ({error}).") from error

    def __repr__(self) -> str:
        return f"Subwords({self._processor.get_piece_size()} pieces)"


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingExtraError("Subwords", package="sentencepiece", extra="text") from error
    return sentencepiece


def _sample(items: Iterator[str], size: int, seed: int) -> list[str]:
    """A uniform sample of at most `size` items (Vitter 1985, algorithm R)."""
    generator = random.Random(seed)
    kept: list[str] = []
    for count, item in enumerate(items, start=1):
        if len(kept) < size:
            kept.append(item)
        elif (at := generator.randrange(count)) < size:
            kept[at] = item
    return kept
