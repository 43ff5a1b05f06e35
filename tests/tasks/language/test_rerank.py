"""N-best lists, and what a text has copied."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnemonist import LanguageModel
from mnemonist.errors import ConfigError, DataError
from mnemonist.tasks.language import copied as module
from mnemonist.tasks.language.copied import longest_copy
from mnemonist.tasks.language.rerank import (
    WEIGHTS,
    Hypothesis,
    error_rate,
    read_lists,
    tune_weight,
)


def lists(*scores: tuple[float, float]) -> list[list[Hypothesis]]:
    right, wrong = "the cat sees the dog", "cat the the dog sees"
    return [
        [Hypothesis(str(k), wrong, bad, right), Hypothesis(str(k), right, good, right)]
        for k, (good, bad) in enumerate(scores)
    ]


def test_the_weight_decides_between_the_system_and_the_network(lines: LanguageModel) -> None:
    (system,) = lines.rerank(lists((-2.0, -1.0)), weight=0.0)
    assert system.ranked[0].text == "cat the the dog sees"
    (both,) = lines.rerank(lists((-2.0, -1.0)), weight=1.0)
    assert both.ranked[0].text == "the cat sees the dog"
    assert both.totals == sorted(both.totals, reverse=True)
    (bits,) = (one.bits for one in lines.score(["the cat sees the dog"]))
    assert both.log_probs[0] == pytest.approx(-bits * np.log(2), rel=1e-4)
    assert both.totals[0] == pytest.approx(-2.0 + both.log_probs[0])


def test_the_tuned_weight_is_the_best_of_those_tried_and_the_smallest(
    lines: LanguageModel,
) -> None:
    dev = lists((-2.0, -1.0), (-1.5, -1.0), (-1.0, -3.0))
    weight, rates = tune_weight(lines._fitted(), dev)
    assert set(rates) == set(WEIGHTS)
    assert rates[weight] == min(rates.values()) < rates[0.0]
    assert all(rate > rates[weight] for other, rate in rates.items() if other < weight)
    tuned = lines.rerank(dev, dev=dev)
    assert all(one.ranked[0].text == one.ranked[0].reference for one in tuned)
    assert error_rate([one.ranked[0] for one in tuned]) == rates[weight] == 0
    assert error_rate([max(one, key=lambda h: h.score) for one in dev]) == rates[0.0]
    assert error_rate([dev[0][0], Hypothesis("7", "a", 0.0)]) is None


def test_both_kinds_of_file_hold_the_same_lists(tmp_path: Path) -> None:
    rows = [("a", "-1.5", "甲 乙", "甲"), ("b", "0", "x", "x"), ("a", "-2", "y", "甲")]
    names = ("id", "score", "text", "reference")
    table = "\n".join("\t".join(row) for row in [names, *rows])
    (tmp_path / "n.tsv").write_text(table + "\n", encoding="utf-8")
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in objects)
    (tmp_path / "n.jsonl").write_text(text, encoding="utf-8")
    found = read_lists(tmp_path / "n.tsv")
    assert found == read_lists(tmp_path / "n.jsonl")
    assert [[h.text for h in one] for one in found] == [["甲 乙", "y"], ["x"]]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("n.tsv", "id\ttext\n", "line 1: the header"),
        ("n.tsv", "id\tscore\ttext\na\t1\n", "line 2: 2 columns"),
        ("n.tsv", "id\tscore\ttext\na\tnan\tx\n", "line 2: the score 'nan'"),
        ("n.tsv", "id\tscore\ttext\n", "no hypothesis"),
        ("n.jsonl", "[1]\n", "line 1: an object"),
        ("n.jsonl", "{\n", "line 1: no JSON"),
        ("n.jsonl", '{"id": 1, "score": 1, "text": 3}\n', "must be texts"),
        ("n.jsonl", '{"id": 1, "score": 1, "text": "a\\nb"}\n', "line break"),
    ],
)
def test_lines_that_do_not_fit_are_named(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=why):
        read_lists(tmp_path / name)


def test_what_is_missing_is_said(lines: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        lines.rerank(lists((1.0, 2.0)))
    with pytest.raises(DataError, match="no reference"):
        tune_weight(lines._fitted(), [[Hypothesis("7", "a", 0.0)]])
    with pytest.raises(ConfigError, match="weight=-1"):
        lines.rerank(lists((1.0, 2.0)), weight=-1)


def test_a_copied_line_is_found_with_its_number(
    streams: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, train = streams._fitted(), streams._done().plan.resolved.parts.train
    piece = np.concatenate([[0, 0], train.ids[230:275], [0]])
    expected = longest_copy(piece, train, predictor)
    assert expected.length >= 45
    assert expected.text in predictor.text(train.ids.tolist())
    line = int(np.searchsorted(train.offsets, 230, side="right"))
    assert abs(expected.line - line) < 200
    monkeypatch.setattr(module, "_AT_ONCE", 100)
    assert longest_copy(piece, train, predictor).length == expected.length
    assert "Longest span" in expected.sentence()
