"""Stories of the tagger in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnemonist import SequenceTagger
from mnemonist.data.tags import TaggedSet
from mnemonist.errors import ConfigError, DataError

Lines = Callable[..., list[str]]

QUICK = {"hidden_size": 16, "embedding_size": 16, "epochs": 8, "batch_size": 8}
NAMES = {"entities": {"nr": "PER", "ns": "LOC"}, "join_names": ["nr"]}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, chinese: Lines) -> SequenceTagger:
    """Trained on Chinese words, in a run folder."""
    run = tmp_path_factory.mktemp("words") / "run"
    return SequenceTagger(**QUICK).fit(chinese(), run)


def test_chinese_is_tagged_by_characters_and_comes_out_as_words(words: SequenceTagger) -> None:
    (found,) = words.predict(["王刚去 北京了。"])
    assert found.show() == "王/nr 刚/nr 去/v 北京/ns 了/u 。/w"
    assert [found.text[a:b] for a, b in found.offsets] == list(found.tokens)
    assert words.evaluation_.table.metrics == (
        "word+tag F1", "word F1", "tag accuracy", "unseen words",
    )  # fmt: skip


def test_full_width_and_half_width_are_read_alike(words: SequenceTagger) -> None:
    mark = words.predict(["王刚去北京了?", "王刚去北京了？"])
    assert mark[0].tags == mark[1].tags


def test_a_loaded_tagger_tags_alike_and_runs_no_code_of_others(words: SequenceTagger) -> None:
    again = SequenceTagger.load(words.report_path.parent)
    texts = ["李明离开上海了。", "陈静到北京了。" * 40, ""]
    assert again.predict(texts) == words.predict(texts)
    assert again.tags_ == words.tags_
    with pytest.raises(ConfigError, match="eval tag"):
        again.evaluate()


def test_names_of_persons_are_joined_and_found(chinese: Lines) -> None:
    tagger = SequenceTagger(**QUICK, **NAMES).fit(chinese())
    (found,) = tagger.predict(["李明到上海了。"])
    assert found.tags[:2] == ("B-PER", "E-PER")
    assert found.tags[3:5] == ("B-LOC", "E-LOC")
    assert tagger.evaluation_.scores.overall.f1 > 0.9


def test_words_elsewhere_with_their_spelling(english: Lines) -> None:
    tagger = SequenceTagger(**QUICK).fit(english())
    plan = tagger.plan(english())
    assert (plan.config.crf, plan.config.spelling, plan.config.pairs) == (False, True, False)
    found = tagger.predict([["to", "walk"], "the walk"])
    assert [one.tags for one in found] == [("TO", "VB"), ("DT", "NN")]
    assert tagger.evaluation_.table.metrics[0] == "accuracy"


@pytest.mark.parametrize("options", [{"crf": False}, {"cell": "gru", "bidirectional": False}])
def test_other_networks_learn_too(options: dict[str, object], chinese: Lines) -> None:
    tagger = SequenceTagger(**{**QUICK, **options}).fit(chinese())
    assert tagger.evaluation_.table.best("tag accuracy", "network").values["tag accuracy"] > 0.9


def test_the_same_seed_gives_the_same_bits(chinese: Lines) -> None:
    runs = [SequenceTagger(**{**QUICK, "epochs": 2}).fit(chinese(60)) for _ in range(2)]
    first, second = (one._fitted().model.state_dict() for one in runs)
    assert all(first[name].equal(second[name]) for name in first)
    assert runs[0].evaluation_.to_dict() == runs[1].evaluation_.to_dict()


def test_other_sentences_are_measured_beside_the_same_baselines(
    words: SequenceTagger, chinese: Lines
) -> None:
    lines = chinese(10, seed=5)
    found = words.evaluate(lines)
    written = ["".join(item.partition("/")[0] for item in line.split()) for line in lines]
    assert [len(tags) for tags in found.tags] == [len(text) for text in written]


def test_a_tag_of_the_test_that_training_lacks_is_an_error_and_no_end(
    words: SequenceTagger,
) -> None:
    found = words.evaluate(["王/nr 刚/xx 去/v 北京/ns"])
    assert np.isnan(found.surprise).all()
    assert found.scores.types["xx"].correct == 0


def test_long_sentences_are_read_in_pieces(words: SequenceTagger) -> None:
    (found,) = words.predict(["王刚去北京了。" * 100])
    assert "".join(found.tokens) == "王刚去北京了。" * 100
    long = "王刚" * 300
    assert "".join(words.predict([long])[0].tokens) == long


def test_the_report_shows_types_confusions_and_errors(words: SequenceTagger) -> None:
    html = words.report_path.read_text(encoding="utf-8")
    for said in ("word+tag F1", "most frequent tag", "windowed perceptron", "nr", "surprising"):
        assert said in html
    saved = json.loads((words.report_path.parent / "results.json").read_text(encoding="utf-8"))
    assert set(saved["types"]) == {"nr", "ns", "v", "u", "w"}


def test_columns_of_a_file_with_a_test_file_of_its_own(tmp_path: Path) -> None:
    block = "Ann\tB-PER\nran\tO\n.\tO\n\nBob\tB-PER\nLee\tI-PER\nsat\tO\n\n"
    (tmp_path / "train.conll").write_text(block * 20)
    (tmp_path / "test.conll").write_text(block)
    test = str(tmp_path / "test.conll")
    tagger = SequenceTagger(**QUICK, test_file=test).fit(tmp_path / "train.conll")
    assert len(tagger.evaluation_.tags) == 2
    assert tagger.evaluation_.scores.types["PER"].gold == 2
    assert not [
        tag
        for tags in tagger.evaluation_.tags
        for before, tag in zip(["O", *tags], tags, strict=False)
        if tag == "I-PER" and before == "O"
    ]


def test_what_cannot_be_used_is_refused(words: SequenceTagger) -> None:
    with pytest.raises(DataError, match="list of texts"):
        words.predict("王刚")
    with pytest.raises(DataError, match="every token has the tag"):
        SequenceTagger().fit(["a/X b/X"] * 30)
    with pytest.raises(DataError, match=r"trained on BIOES|none of the tags"):
        SequenceTagger(**NAMES).fit(["a/X b/Y"] * 30)
    with pytest.raises(ConfigError, match="did you mean 'crf'"):
        SequenceTagger(cfr=True)


def test_a_set_of_sequences_is_taken_as_it_is() -> None:
    tokens = [list("abab"), list("ba")] * 20
    tags = [[one.upper() for one in row] for row in tokens]
    tagger = SequenceTagger(**QUICK).fit(TaggedSet.from_sequences(tokens, tags))
    assert tagger.predict([["a", "b"]])[0].tags == ("A", "B")
