"""How probable a word is letter by letter, for words that a vocabulary lacks."""

from __future__ import annotations

import math
from collections import Counter

from mnemonist.data.text.counting import CODE_POINTS
from mnemonist.data.text.vocabulary import Vocabulary

__all__ = ["Spelling"]


class Spelling:
    """A unigram model of characters that spells any word, learnt from the words of a vocabulary.

        p(w) = Π p(c) · p(end),   p(c) = n(c) / N,   p(end) = W / N,   N = W + C + 1

    with the W words of the vocabulary, each counted once since unknown words are like rare ones,
    n(c) how often the character c stands in them, and C the sum of all n(c). The one that is left
    is shared by all characters that they lack. With p(<unk>) · p(w) for a word that it lacks, a
    model of words gives every text a probability (Brown et al. 1992 spell unknown words so).

    >>> spelling = Spelling(Vocabulary(["<unk>", "ab", "a"], specials=1))
    >>> round(spelling.bits("a"), 6)
    3.169925
    >>> spelling.bits("a") < spelling.bits("b") < spelling.bits("z")
    True
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        words = vocabulary.tokens[len(vocabulary.special_tokens) :]
        counts = Counter("".join(words))
        total = math.log2(len(words) + counts.total() + 1)
        self._end = total - math.log2(max(1, len(words)))
        self._new = total + math.log2(CODE_POINTS)
        self._bits = {character: total - math.log2(n) for character, n in counts.items()}

    def bits(self, word: str) -> float:
        """-log2 p of a word with its end."""
        return sum(self._bits.get(character, self._new) for character in word) + self._end
