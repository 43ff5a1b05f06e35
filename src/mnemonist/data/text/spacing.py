"""Where a space stands between two words, as English and Chinese are printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["join_words"]

# Han, kana and the punctuation and forms that are as wide as they are.
_WIDE = re.compile(
    "[\u2e80-\u303f\u3041-\u30ff\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)
_BEFORE = frozenset(".,;:!?%…")
_BOTH = frozenset("-–—/’")
_AFTER = frozenset("#@")


def join_words(tokens: Sequence[str]) -> str:
    """The tokens as running text.

    No space beside Han characters and kana, before closing punctuation, after opening brackets
    and currency signs, and around hyphens, dashes and slashes; straight quotation marks open
    and close in turn.

    >>> join_words(["I", "paid", "$", "5", ",", "not", "“", "6", "”", "!"])
    'I paid $5, not “6”!'
    >>> join_words(["王刚", "和", "Li", "Ming", "，", "1998", "年"])
    '王刚和Li Ming，1998年'
    """
    parts: list[str] = []
    opened: set[str] = set()
    glue = True  # no space before the next token
    for previous, token in zip(["", *tokens], tokens, strict=False):
        if not token:
            continue
        if token in ('"', "'"):
            closes = token in opened or (token == "'" and previous[-1:] in ("s", "S"))
            space, next_glue = not closes, not closes
            (opened.discard if closes else opened.add)(token)
        else:
            space, next_glue = not _binds_left(token), _binds_right(token)
        wide = parts and (_WIDE.match(parts[-1][-1]) or _WIDE.match(token[0]))
        if space and not glue and not wide:
            parts.append(" ")
        parts.append(token)
        glue = next_glue
    return "".join(parts)


def _binds_left(token: str) -> bool:
    if len(token) > 1:
        return False
    return token in _BEFORE or token in _BOTH or unicodedata.category(token) in ("Pe", "Pf")


def _binds_right(token: str) -> bool:
    if len(token) > 1:
        return False
    return token in _BOTH or token in _AFTER or unicodedata.category(token) in ("Ps", "Pi", "Sc")
