"""A model of spelling is a distribution over all words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnemonist.data.text import Spelling, Vocabulary
from mnemonist.data.text.counting import CODE_POINTS


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=30, unique=True))
def test_what_can_come_next_has_a_probability_of_one_in_all(words):
    spelling = Spelling(Vocabulary(words))
    empty = spelling.bits("")
    known = set("".join(words))
    letters = sum(2 ** -(spelling.bits(letter) - empty) for letter in known)
    new = next(chr(code) for code in range(CODE_POINTS) if chr(code) not in known)
    unseen = CODE_POINTS * 2 ** -(spelling.bits(new) - empty)
    assert 2**-empty + letters + unseen == pytest.approx(1.0)


def test_signs_of_the_vocabulary_are_no_words():
    plain, signs = Vocabulary(["ab", "b"]), Vocabulary(["<unk>", "<eos>", "ab", "b"], specials=2)
    assert Spelling(plain).bits("ba") == Spelling(signs).bits("ba")
    # 2 words of 3 letters, a once and b twice, and one for all others
    assert Spelling(plain).bits("ba") == pytest.approx(-math.log2(2 / 6 * 1 / 6 * 2 / 6))
    assert Spelling(Vocabulary(["<unk>"], specials=1)).bits("ab") > 40
