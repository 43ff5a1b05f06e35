"""Stories of a classifier in Python: fitted, used, measured, brought back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from mnemonist import SequenceClassifier
from mnemonist.data.labelled import LabelledSet
from mnemonist.data.text import Characters, Vocabulary
from mnemonist.errors import ConfigError, DataError, ShapeError
from mnemonist.evaluation.classification import f1_score
from mnemonist.evaluation.reliability import expected_calibration_error
from mnemonist.tasks.classify import score
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.classify.encoding import TokenEncoder, encoder_from_dict
from mnemonist.tasks.classify.model import ClassifyObjective, build
from mnemonist.tasks.common.programs import cell_maker

SMALL = {"hidden_size": 8, "embedding_size": 8, "learning_rate": 0.02}


def ordered(count: int = 240) -> LabelledSet:
    """Strings with one a and one b among dots; the class is which of both comes first."""
    generator = np.random.default_rng(0)
    items, labels = [], []
    for _ in range(count):
        symbols = ["."] * int(generator.integers(4, 12))
        first, second = sorted(generator.choice(len(symbols), 2, replace=False))
        label = int(generator.integers(2))
        symbols[first], symbols[second] = "ab" if label else "ba"
        items.append("".join(symbols))
        labels.append("a first" if label else "b first")
    return LabelledSet.from_items(items, labels)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> SequenceClassifier:
    """What tells order from counts, which no bag of symbols can."""
    made = SequenceClassifier(**SMALL, min_count=1, epochs=12, dropout=0.0, deduplicate=False)
    return made.fit(ordered(), run=tmp_path_factory.mktemp("runs") / "r")


def test_what_depends_on_the_order_is_learnt(fitted: SequenceClassifier) -> None:
    assert fitted.score(["a...b..", "..b....a"], ["a first", "b first"]) == 1.0
    table = fitted.evaluation_.table
    assert next(row for row in table.rows if row.kind == "network").values["accuracy"] > 0.95
    assert {row.name for row in table.rows} >= {"majority", "bidirectional LSTM"}


def test_probabilities_of_an_item_do_not_depend_on_its_company(fitted: SequenceClassifier) -> None:
    items = ordered().items[:40]
    together = fitted.predict_proba(items)
    alone = np.concatenate([fitted.predict_proba([item]) for item in items])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    names = fitted.classes_[together.argmax(axis=1)]
    assert (fitted.predict(items) == names).all()
    assert fitted.predict_proba([]).shape == (0, 2)


def test_the_class_is_known_once_the_first_letter_is_read(fitted: SequenceClassifier) -> None:
    ends, probabilities = fitted.prefix_proba("...a....b")
    assert ends == list(range(1, 10))
    np.testing.assert_allclose(probabilities[-1], fitted.predict_proba(["...a....b"])[0], atol=1e-6)
    assert probabilities[-1].argmax() == 0
    assert len(fitted.prefix_proba("." * 300, most=20)[0]) == 20


def test_a_run_comes_back_with_the_same_probabilities(fitted: SequenceClassifier) -> None:
    assert fitted.report_path is not None
    again = SequenceClassifier.load(fitted.report_path.parent)
    items = ["a.b", "b..a", "?", ""]
    np.testing.assert_array_equal(again.predict_proba(items), fitted.predict_proba(items))
    assert again.classes_.tolist() == ["a first", "b first"]
    with pytest.raises(ConfigError, match="mnemonist eval"):
        again.evaluate()


def test_other_labelled_items_are_measured_beside_the_baselines(fitted: SequenceClassifier) -> None:
    data = LabelledSet.from_items(["a..b", "..ba", "ab"], ["a first", "b first", "b first"])
    found = fitted.evaluate(data)
    assert found.truth.tolist() == [0, 1, 1]
    assert found.test.count == 3
    with pytest.raises(DataError, match="neither"):
        fitted.evaluate(LabelledSet.from_items(["..", "a"], ["neither", "a first"]))


def test_the_same_seed_gives_the_same_bits_and_another_one_others() -> None:
    def weights(seed: int) -> torch.Tensor:
        options = {**SMALL, "epochs": 1, "deduplicate": False, "seed": seed}
        return SequenceClassifier(**options).fit(ordered(60))._fitted().model.head.weight

    assert weights(1).equal(weights(1))
    assert not weights(1).equal(weights(2))


def test_series_of_different_lengths_are_told_apart() -> None:
    generator = np.random.default_rng(0)
    items = [
        np.cumsum(generator.normal(0.3 if k % 2 else -0.3, 0.3, (generator.integers(5, 20), 2)), 0)
        for k in range(80)
    ]
    data = LabelledSet.from_items(items, ["up" if k % 2 else "down" for k in range(80)])
    made = SequenceClassifier(cell="gru", **SMALL, epochs=8, pooling="last").fit(data)
    assert made.evaluation_.table.best("accuracy", "network").values["accuracy"] > 0.9
    with pytest.raises(ShapeError, match="2 are expected"):
        made.predict([np.zeros((4, 3))])


def test_what_comes_later_does_not_change_what_a_forward_network_has_read() -> None:
    """Pairs look backwards, so a network may be used while an item still arrives."""
    made = SequenceClassifier(
        **SMALL, epochs=1, bidirectional=False, pooling="last", input="embedding", pairs=True
    ).fit(ordered(60))
    ends, probabilities = made.prefix_proba("..a.b")
    for end, row in zip(ends, probabilities, strict=True):
        np.testing.assert_allclose(made.predict_proba(["..a.b"[:end]])[0], row, atol=1e-6)
    model, encoder = made._fitted().model, made._fitted().encoder
    steps = [encoder.encode(encoder.steps(text)) for text in ("..a.b", "..a")]
    longer, shorter = (model.recurrent(model.read(one[:, None]))[0] for one in steps)
    torch.testing.assert_close(longer[:3], shorter)


def test_pairs_tell_apart_what_single_letters_cannot() -> None:
    """The reader sees that b follows a, whatever the recurrent layers make of it."""
    text = Characters()
    pairs = Vocabulary.build(["ab", "ba"])
    encoder = TokenEncoder(text, Vocabulary.build("ab"), pairs)
    again = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    for item, expected in (("ab", [[1, 0], [2, 1]]), ("ba", [[2, 0], [1, 2]]), ("", [[0, 0]])):
        assert encoder.encode(encoder.steps(item)).tolist() == expected
        assert again.encode(again.steps(item)).tolist() == expected


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_pooling_reads_rows_as_if_they_were_alone(pooling: str, bidirectional: bool) -> None:
    config = ClassifyConfig(
        hidden_size=5, input="embedding", pooling=pooling, bidirectional=bidirectional
    )
    encoder = TokenEncoder(Characters(), Vocabulary.build("abcde"))
    model = build(config, encoder, 3, cell_maker(config)).eval()
    rows = [torch.tensor([1, 2, 3, 4]), torch.tensor([5]), torch.tensor([2, 2])]
    steps = torch.nn.utils.rnn.pad_sequence(rows, padding_value=3)
    together = model({"steps": steps, "lengths": torch.tensor([4, 1, 2])})
    for row, found in zip(rows, together, strict=True):
        alone = model({"steps": row[:, None], "lengths": torch.tensor([len(row)])})
        torch.testing.assert_close(found, alone[0])


def test_balanced_weights_are_those_of_a_balanced_sample() -> None:
    """One item of weight 3 counts as three."""

    class Fixed(torch.nn.Module):
        def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return batch["logits"]

    def loss(labels: list[int], weights: torch.Tensor | None) -> float:
        logits = torch.tensor([[0.0, 1.0], [2.0, 0.0]])[labels]
        batch = {"labels": torch.tensor(labels), "logits": logits}
        made = ClassifyObjective(weights).loss(
            Fixed(), batch, carried=None, forcing=0.0, generator=torch.Generator()
        )
        return float(made.total) / made.weight

    weighed = loss([0, 0, 0, 1], torch.tensor([1.0, 3.0]))
    assert weighed == pytest.approx(loss([0, 0, 0, 1, 1, 1], None))


@given(
    st.integers(2, 4).flatmap(
        lambda k: st.tuples(
            st.just(k), st.lists(st.integers(0, k - 1), min_size=1, max_size=30), st.integers(0, 99)
        )
    )
)
def test_measures_of_sums_are_the_measures(drawn: tuple[int, list[int], int]) -> None:
    """The bootstrap takes macro F1 and the calibration error of sums over items."""
    classes, codes, seed = drawn
    truth = np.array(codes)
    given_ = np.random.default_rng(seed).dirichlet(np.ones(classes), len(truth))
    (f1,) = score._macro_f1(score._hits(truth, given_).sum(axis=0, keepdims=True))
    assert f1 == pytest.approx(f1_score(truth, given_.argmax(axis=1)))
    sums = score._calibration(truth, given_).sum(axis=0, keepdims=True)
    (error,) = score._expected_error(len(truth))(sums)
    assert error == pytest.approx(expected_calibration_error(truth, given_))


def test_options_are_those_of_scikit_learn() -> None:
    made = clone(SequenceClassifier(cell="gru", pooling="mean", epochs=3))
    assert made.get_params()["pooling"] == "mean"
    with pytest.raises(ConfigError, match="did you mean 'pooling'"):
        made.set_params(poling="max")
    with pytest.raises(ConfigError, match="call fit first"):
        made.predict(["a"])


def test_one_text_in_place_of_a_list_is_refused(fitted: SequenceClassifier) -> None:
    with pytest.raises(ShapeError, match="list of texts"):
        fitted.predict("a.b")


def test_one_class_only_is_refused_with_a_remedy() -> None:
    with pytest.raises(DataError, match="bring items of another class"):
        SequenceClassifier().fit(LabelledSet.from_items(["a", "b"], ["x", "x"]))


def test_options_that_do_not_fit_the_items_are_refused() -> None:
    data = LabelledSet.from_items([np.ones((3, 1)) * k for k in range(9)], [0, 1, 0] * 3)
    with pytest.raises(ConfigError, match="tokens belongs to texts"):
        SequenceClassifier(tokens="words").fit(data)
    sites = [f"{k:04b}".replace("0", "A").replace("1", "C") for k in range(16)]
    codes = [k % 2 for k in range(16)]
    with pytest.raises(ConfigError, match="pairs belong to embeddings"):
        SequenceClassifier(pairs=True).fit(LabelledSet.from_items(sites, codes, kind="symbols"))


def test_the_report_shows_texts_and_classes_as_text(tmp_path: Path) -> None:
    texts = [f"第{k}次真好<b>" if k % 2 else f"第{k}次太差" for k in range(60)]
    data = LabelledSet.from_items(texts, ["好评" if k % 2 else "差评" for k in range(60)])
    made = SequenceClassifier(**SMALL, epochs=2).fit(data, run=tmp_path / "r")
    assert made.report_path is not None
    page = made.report_path.read_text(encoding="utf-8")
    assert "好评" in page
    assert "真好&lt;b&gt;" in page
    assert "真好<b>" not in page
    for title in ("confused", "How sure", "How early", "hardest", "baselines"):
        assert title in page
