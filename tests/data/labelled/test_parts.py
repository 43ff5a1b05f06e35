"""Parts for training and test, duplicates, and what a check finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from mnemonist.data.labelled import (
    LabelledConfig,
    LabelledSet,
    check_labelled,
    class_weights,
    load_labelled_split,
    split_labelled,
    without_duplicates,
)
from mnemonist.errors import DataError


def write(folder, rows, name="a.csv"):
    path = folder / name
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def codes(findings):
    return [finding.code for finding in findings if finding.severity != "note"]


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=2, max_size=120),
    seed=st.integers(0, 5),
    shares=st.sampled_from([(0.1, 0.2), (0.0, 0.5), (0.3, 0.3), (0.2, 0.0)]),
)
def test_parts_hold_every_item_once_and_equal_items_together(items, seed, shares):
    data = LabelledSet.from_items([f"text {k}" for k, _ in items], [label for _, label in items])
    parts = split_labelled(data, *shares, seed)
    pieces = [parts.train, parts.valid, parts.test]
    assert sorted(item for one in pieces for item in one.items) == sorted(data.items)
    texts = [set(one.items) for one in pieces]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]
    again = split_labelled(data, *shares, seed)
    assert [one.items for one in (again.train, again.valid, again.test)] == [
        one.items for one in pieces
    ]


def test_each_class_gives_its_share_and_another_seed_other_items():
    labels = ["a"] * 200 + ["b"] * 50 + ["c"] * 5
    data = LabelledSet.from_items([str(k) for k in range(255)], labels)
    parts = split_labelled(data, 0.1, 0.2, seed=1)
    assert parts.test.counts.tolist() == [40, 10, 1]
    assert parts.valid.counts.tolist() == [20, 5, 1]
    assert split_labelled(data, 0.1, 0.2, seed=2).test.items != parts.test.items
    with pytest.raises(DataError, match="leave something"):
        split_labelled(data, 0.5, 0.5)


def test_texts_are_deduplicated_before_they_are_parted(tmp_path):
    rows = [(f"text {k % 30}", "ab"[k % 2]) for k in range(120)]
    parts = load_labelled_split(write(tmp_path, rows))
    assert sum(map(len, (parts.train, parts.valid, parts.test))) == 30
    assert any("90 of 120 items repeat" in note for note in parts.notes)
    kept = load_labelled_split(write(tmp_path, rows), LabelledConfig(deduplicate=False))
    assert sum(map(len, (kept.train, kept.valid, kept.test))) == 120


def test_a_name_of_two_languages_stays_in_both_and_goes_on_request():
    data = LabelledSet.from_items(["Anna", "Jan", "Anna", "Anna"], ["de", "nl", "it", "de"])
    assert without_duplicates(data).items == ["Anna", "Jan", "Anna"]
    assert without_duplicates(data, LabelledConfig(contradictions="drop")).items == ["Jan"]


def test_series_are_equal_by_shape_and_value():
    one = np.array([[0.0, 1.0], [2.0, 3.0]])
    data = LabelledSet.from_items(
        [one, one.reshape(4, 1)[:, [0, 0]], -0.0 * one, 0 * one], [0, 1, 0, 0]
    )
    kept = without_duplicates(data, LabelledConfig(deduplicate=True))
    assert len(kept) == 3


def test_a_test_file_is_left_as_it_is_and_training_gives_way(tmp_path):
    train = write(tmp_path, [(f"text {k}", "ab"[k % 2]) for k in range(40)], "train.csv")
    test = write(tmp_path, [("text 1", "b"), ("text 1", "b"), ("new", "a")], "test.csv")
    parts = load_labelled_split(train, test=test)
    assert parts.test.items == ["text 1", "text 1", "new"]
    assert "text 1" not in parts.train.items + parts.valid.items
    assert len(parts.train) + len(parts.valid) == 39
    found = check_labelled(train, test=test)
    across = next(one for one in found if one.code == "duplicates-across-splits")
    assert "2 of 3 test items" in across.message
    assert (across.file, across.line) == (str(test), 2)


def test_a_label_that_training_lacks_is_fatal_with_its_lines(tmp_path):
    train = write(tmp_path, [(f"text {k}", "ab"[k % 2]) for k in range(40)], "train.csv")
    test = write(tmp_path, [("one", "a"), ("two", "c"), ("three", "c")], "test.csv")
    finding = check_labelled(train, test=test)[0]
    assert (finding.severity, finding.code, finding.lines) == ("fatal", "unseen-labels", (3, 4))
    with pytest.raises(DataError, match="2 test items have labels that training lacks: c"):
        load_labelled_split(train, test=test)


def test_parts_of_different_kinds_are_refused(tmp_path):
    train = write(tmp_path, [(f"text {k}", "ab"[k % 2]) for k in range(40)])
    (tmp_path / "test.fasta").write_text(">x a\nACGT\n")
    with pytest.raises(DataError, match="of the kind 'symbols'"):
        load_labelled_split(train, test=tmp_path / "test.fasta")


def test_the_check_finds_what_stands_in_the_way(tmp_path):
    rows = [(f"a usual text {k}", "common") for k in range(60)]
    rows += [("x" * 900, "rare"), ("a usual text 3", "rare"), ("a usual text 4", "common")]
    found = check_labelled(write(tmp_path, rows))
    assert codes(found) == ["rare-classes", "duplicates", "contradicting-labels", "long-items"]
    by_code = {finding.code: finding for finding in found}
    assert by_code["rare-classes"].lines == (62, 63)
    assert by_code["duplicates"].lines == (63, 64)
    assert by_code["contradicting-labels"].lines == (5, 63)
    assert by_code["long-items"].line == 62
    assert by_code["imbalance"].severity == "note"
    assert all(finding.remedy for finding in found if finding.code != "note")


def test_one_class_is_fatal(tmp_path):
    found = check_labelled(write(tmp_path, [(f"text {k}", "a") for k in range(9)]))
    assert (found[0].severity, found[0].code) == ("fatal", "one-class")


def test_a_clean_file_has_no_findings_but_notes(tmp_path):
    assert (
        codes(check_labelled(write(tmp_path, [(f"text {k}", "ab"[k % 2]) for k in range(40)])))
        == []
    )


def test_a_channel_that_never_changes_is_named(tmp_path):
    values = np.random.default_rng(0).normal(size=(12, 5, 2))
    values[:, :, 1] = 3.0
    np.savez(tmp_path / "a.npz", X=values, y=np.arange(12) % 2)
    (finding,) = [f for f in check_labelled(tmp_path / "a.npz") if f.code == "constant-channels"]
    assert "channel 2" in finding.message


def test_class_weights_are_those_of_scikit_learn():
    labels = np.random.default_rng(0).integers(0, 5, size=200) ** 2 // 5
    present = np.unique(labels)
    expected = compute_class_weight("balanced", classes=present, y=labels) * len(present) / 6
    weights = class_weights(labels, 6)
    np.testing.assert_allclose(weights[present], expected)
    assert weights[np.setdiff1d(np.arange(6), present)].tolist() == [0.0] * (6 - len(present))
    with pytest.raises(DataError, match="0 to 1 exist"):
        class_weights([0, 2], 2)
