"""Entities from part-of-speech tags: which words are one person, one place, one organisation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mnemonist.data.tags.model import Sentence
from mnemonist.data.tags.schemes import Scheme, Span, tags_of

__all__ = ["join_names", "to_entities"]

# Chinese surnames of two characters that are in use.
_TWO = frozenset(
    [
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "司徒",
        "令狐",
        "南宫",
        "皇甫",
        "尉迟",
        "公孙",
        "慕容",
        "夏侯",
        "长孙",
        "宇文",
        "端木",
        "独孤",
        "西门",
        "东方",
        "百里",
        "澹台",
        "闻人",
        "万俟",
        "太史",
        "申屠",
        "轩辕",
        "钟离",
        "濮阳",
        "淳于",
        "单于",
        "呼延",
        "拓跋",
        "鲜于",
        "闾丘",
        "东郭",
        "公羊",
        "公冶",
        "司空",
        "赫连",
        "仲孙",
        "完颜",
        "纳兰",
        "第五",
    ]
)
_NOTE = re.compile(r"[（(〈<\[［].*?[）)〉>\]］]")


def join_names(words: Sequence[str]) -> list[tuple[int, int]]:
    """Which neighbouring words of a name tag are one Chinese name, as (start, end).

    Corpora of Chinese tag surname and given name as two words. From the left:

    1. two words of one character and one of two are a married name with both surnames
       (陈 方 安生);
    2. a surname, of one character or one of the known ones of two (欧阳), and a given name of
       one or two characters are a name (江 泽民, 李 鹏, 欧阳 海);
    3. any other word is a name by itself (克林顿, 小平, 雪村).

    A note in brackets inside a word describes one character and counts as one: 秦 惠（君音）.

    >>> join_names(["江", "泽民", "李", "鹏", "克林顿", "陈", "方", "安生"])
    [(0, 2), (2, 4), (4, 5), (5, 8)]
    """
    sizes = [len(_NOTE.sub("x", word)) for word in words]
    names = []
    start = 0
    while start < len(words):
        surname = sizes[start] == 1 or words[start] in _TWO
        if sizes[start : start + 3] == [1, 1, 2]:
            end = start + 3
        elif surname and sizes[start + 1 : start + 2] in ([1], [2]):
            end = start + 2
        else:
            end = start + 1
        names.append((start, end))
        start = end
    return names


def to_entities(
    sentence: Sentence,
    types: Mapping[str, str],
    *,
    join: Collection[str] = (),
    scheme: Scheme = "BIO",
) -> Sentence:
    """The sentence with tags of entities in place of its own, one for each token.

    A bracketed group whose label is in `types` is an entity as a whole, the outermost first.
    Elsewhere each word whose tag is in `types` is one: two neighbouring place names are two
    places. Words of the tags in `join` become names by `join_names`.

    Args:
        sentence: with one tag a token ("raw").
        types: tags and the entity types that they become; all others are O.
        join: those of them that mark parts of Chinese names.
        scheme: of the tags to be made.

    >>> sentence = Sentence(("江", "泽民", "在", "北京", "上海"), ("nr", "nr", "p", "ns", "ns"))
    >>> to_entities(sentence, {"nr": "PER", "ns": "LOC"}, join=["nr"]).tags
    ('B-PER', 'I-PER', 'O', 'B-LOC', 'B-LOC')
    """
    spans: list[Span] = []
    free = [True] * len(sentence)
    for group in sorted(sentence.groups, key=lambda group: group.start - group.end):
        if group.type in types and free[group.start]:
            spans.append(Span(group.start, group.end, types[group.type]))
            free[group.start : group.end] = [False] * (group.end - group.start)
    start = 0
    while start < len(sentence):
        tag, end = sentence.tags[start], start + 1
        if tag in types and free[start]:
            while tag in join and end < len(sentence) and sentence.tags[end] == tag and free[end]:
                end += 1
            names = join_names(sentence.tokens[start:end]) if tag in join else [(0, 1)]
            spans += [Span(start + a, start + b, types[tag]) for a, b in names]
        start = end
    return replace(sentence, tags=tuple(tags_of(spans, len(sentence), scheme)), groups=())
