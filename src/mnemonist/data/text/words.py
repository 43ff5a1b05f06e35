"""Words, numbers and punctuation of any script; runs of Han characters cut by a dictionary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

from mnemonist.data.text.normal import NormalForm
from mnemonist.data.text.spacing import join_words
from mnemonist.data.text.tokenizer import Tokenizer
from mnemonist.errors import ConfigError, MissingExtraError

__all__ = ["HAN", "Words"]

HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u3096\u309d-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"


class Words(Tokenizer):
    """Words, numbers and punctuation marks, each a token; white space is none.

    A word is a run of letters, digits and their marks, with apostrophes inside it (don't,
    l'homme); a number keeps the points, commas and colons inside it (1,000.5, 12:30). Every
    other sign stands alone. A run of Han characters is cut into words by rjieba's dictionary,
    which is of Chinese; a run of katakana is one token and a hiragana sign each one, as in the
    default word boundaries of Unicode (UAX #29). Hangul has spaces between its words. Thai,
    Lao, Khmer and Burmese have not: what stands between two spaces is one token there.

    Args:
        lowercase, normal_form: see `Tokenizer`.
        han: "words" cuts Han characters by rjieba, "characters" makes each a token; by default
            "words" where rjieba is installed.

    Raises:
        ConfigError: another `han`.
        MissingExtraError: han="words" without rjieba.

    >>> Words().tokenize("He didn't pay $1,000.50 (at 12:30).")
    ['He', "didn't", 'pay', '$', '1,000.50', '(', 'at', '12:30', ')', '.']
    >>> Words(han="characters").tokenize("我用ABC吃苹果。")
    ['我', '用', 'ABC', '吃', '苹', '果', '。']
    """

    kind = "words"

    def __init__(
        self,
        *,
        lowercase: bool = False,
        normal_form: NormalForm | None = None,
        han: Literal["words", "characters"] | None = None,
    ) -> None:
        super().__init__(lowercase=lowercase, normal_form=normal_form)
        if han is None:
            han = "words" if find_spec("rjieba") else "characters"
        if han not in ("words", "characters"):
            raise ConfigError(f"han={han!r}: 'words', 'characters' or None.")
        self.han = han
        self._cut_han = _dictionary() if han == "words" else list

    def cut(self, text: str) -> list[str]:
        patterns = _patterns()
        if text.isascii():
            return patterns.ascii.findall(text)
        if not patterns.cjk.search(text):
            return patterns.plain.findall(text)
        tokens: list[str] = []
        for match in patterns.mixed.finditer(text):
            if match.lastgroup == "han":
                tokens += self._cut_han(match[0])
            else:
                tokens.append(match[0])
        return tokens

    def join(self, tokens: Sequence[str]) -> str:
        """Spaces as English and Chinese print them; which of two ways a writer took is lost.

        >>> Words().join(["He", "said", ":", '"', "well", "-", "known", "(", "1", ")", '"', "."])
        'He said: "well-known (1)".'
        """
        return join_words(tokens)

    def to_dict(self) -> dict[str, Any]:
        made = super().to_dict() | {"han": self.han}
        return made | {"rjieba": version("rjieba")} if self.han == "words" else made


def _dictionary() -> Callable[[str], list[str]]:
    try:
        import rjieba
    except ImportError as error:
        raise MissingExtraError("Chinese words", package="rjieba", extra="text") from error
    return rjieba.cut


class _Patterns(NamedTuple):
    """Tokens of ASCII, of text without Han and kana, of any text; and a sign of Han or kana."""

    ascii: re.Pattern[str]
    plain: re.Pattern[str]
    mixed: re.Pattern[str]
    cjk: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """The same rules three times; the narrower the text, the faster.

    Python's ``\\w`` lacks the vowel signs of Indic scripts and other marks, and the two joiners
    that stand inside words of Persian and of Indic languages.
    """
    marks = _marks()
    cjk = HAN + _HIRAGANA + _KATAKANA
    other = f"\\S[{marks}]*(?:\u200d\\S[{marks}]*)*"  # the joiner binds emoji
    inside = r"(?:(?:['’]|(?<=\d)[.,:](?=\d))%s+)*"
    rest = f"[\\w{marks}\u200c\u200d]"
    rest_beside_cjk = f"(?:[^\\W{cjk}]|[{marks}\u200c\u200d])"
    mixed = (
        f"(?P<han>[{HAN}]+)|[{_KATAKANA}][{_KATAKANA}{marks}]*|[{_HIRAGANA}][{marks}]*"
        f"|[^\\W{cjk}]{rest_beside_cjk}*{inside % rest_beside_cjk}|{other}"
    )
    return _Patterns(
        re.compile("\\w+" + inside % "\\w" + "|[^\\s\\x1c-\\x1f]", re.ASCII),
        re.compile(f"\\w{rest}*{inside % rest}|{other}"),
        re.compile(mixed),
        re.compile(f"[{cjk}]"),
    )


def _marks() -> str:
    """The combining marks (category M) as the inside of a character class."""
    ranges: list[list[int]] = []
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
