"""Edit distance against its definition."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from mnemonist.evaluation.edits import edit_distance

TEXTS = st.text(alphabet="abc的", max_size=9)


@cache
def by_definition(first: str, second: str) -> int:
    if not first or not second:
        return len(first) + len(second)
    if first[-1] == second[-1]:
        return by_definition(first[:-1], second[:-1])
    pairs = ((first[:-1], second), (first, second[:-1]), (first[:-1], second[:-1]))
    return 1 + min(by_definition(one, other) for one, other in pairs)


@given(TEXTS, TEXTS)
def test_it_is_the_least_number_of_edits(first: str, second: str) -> None:
    assert edit_distance(first, second) == by_definition(first, second)


def test_tokens_may_be_anything_hashable() -> None:
    assert edit_distance([1, "a", None], [1, None]) == 1
