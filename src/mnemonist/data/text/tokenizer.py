"""What every tokenizer can do, and the two that need no rules."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, get_args

from mnemonist.data.text.normal import NormalForm, align, normal
from mnemonist.errors import ConfigError

__all__ = ["Characters", "Spaces", "Tokenizer"]


class Tokenizer(ABC):
    """Text to tokens and back.

    Args:
        lowercase: tokens are in lower case; what `join` makes stays so.
        normal_form: bring the text into this Unicode normal form first. "NFC" makes one
            character of a letter and its accent; "NFKC" also makes full-width and other
            compatibility forms plain. None takes the text as it is.

    Raises:
        ConfigError: another normal form.
    """

    kind: ClassVar[str]

    def __init__(self, *, lowercase: bool = False, normal_form: NormalForm | None = None) -> None:
        if normal_form is not None and normal_form not in get_args(NormalForm):
            raise ConfigError(f"normal_form={normal_form!r}: 'NFC', 'NFKC' or None.")
        self.lowercase = bool(lowercase)
        self.normal_form = normal_form

    @abstractmethod
    def cut(self, text: str) -> list[str]:
        """The tokens of a text that is already in normal form and case."""

    @abstractmethod
    def join(self, tokens: Sequence[str]) -> str:
        """A text with these tokens, as near to the one they came from as the kind allows."""

    def normalize(self, text: str) -> str:
        """The text in the tokenizer's normal form and case."""
        return normal(text, self.normal_form, self.lowercase)

    def normalize_lines(self, lines: Sequence[str]) -> Sequence[str]:
        """Each line in the tokenizer's normal form and case."""
        if self.normal_form is None and not self.lowercase:
            return lines
        return [self.normalize(line) for line in lines]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self.cut(self.normalize(text))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """For each token of `tokenize(text)` the (start, end) of its characters in `text`.

        Tokens made of one composed character (㎏ under NFKC is k, g) share its span.
        """
        aligned, spans, at = align(text, self.normal_form, self.lowercase), [], 0
        for token in self.cut(aligned.text):
            start = aligned.text.index(token, at)  # only white space is passed over
            at = start + len(token)
            spans.append(aligned.span(start, at))
        return spans

    def to_dict(self) -> dict[str, Any]:
        """The tokenizer as plain JSON values; `tokenizer_from_dict` reads them."""
        return {"kind": self.kind, "lowercase": self.lowercase, "normal_form": self.normal_form}

    @property
    def fingerprint(self) -> str:
        """A hash that two tokenizers share exactly when they cut alike."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        options = {key: value for key, value in self.to_dict().items() if key != "kind" and value}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in options.items())})"


class Characters(Tokenizer):
    """Every code point is a token, the space too.

    >>> Characters().tokenize("我 吃"), Characters().join(["我", " ", "吃"])
    (['我', ' ', '吃'], '我 吃')
    """

    kind = "characters"

    def cut(self, text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


class Spaces(Tokenizer):
    """The text is tokenised already: white space stands between tokens.

    >>> Spaces(lowercase=True).tokenize("Is n't  it ?"), Spaces().spans("a  b")
    (['is', "n't", 'it', '?'], [(0, 1), (3, 4)])
    """

    kind = "spaces"

    def cut(self, text: str) -> list[str]:
        return text.split()

    def join(self, tokens: Sequence[str]) -> str:
        return " ".join(tokens)
