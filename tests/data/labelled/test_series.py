"""Series of several channels and different lengths: `.ts`, long tables, NumPy files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.labelled import LabelledConfig, LabelledSet, load_labelled
from mnemonist.data.series import Scaler
from mnemonist.errors import DataError

HEADER = """# two speakers
@problemName Vowels
@timeStamps false
@univariate false
@dimensions 2
@equalLength false
@classLabel true 1 2 10
@data
"""


def ts(folder, lines, header=HEADER):
    path = folder / "vowels.ts"
    path.write_text(header + lines)
    return path


def test_ts_has_dimensions_lengths_and_labels_in_numerical_order(tmp_path):
    data = load_labelled(ts(tmp_path, "1.5,2,3:4,5,6:10\n\n-1e-2,7:8,9:2\n"))
    assert data.kind == "series"
    assert data.classes == ("2", "10")
    assert data.labels.tolist() == [1, 0]
    assert data.items[0].tolist() == [[1.5, 4], [2, 5], [3, 6]]
    assert data.items[1].tolist() == [[-0.01, 8], [7, 9]]
    assert data.lines.tolist() == [9, 11]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1,2:3:1\n", "line 9: the dimensions have different lengths \\(2, 1\\)"),
        ("1,2:1\n", "line 9: 1 dimensions where 2 were expected"),
        ("1,2:3,4:1\n1,x:3,4:1\n", "line 10: 'x' is no number; a missing value is '\\?'"),
        ("1,2:3,4:7\n", "line 9: the label '7' is not among those of @classLabel: 1, 2, 10"),
        ("1,2:3,4:\n", "line 9: a class label behind"),
        ("1,?:3,4:1\n", "line 9: 1 series have missing values.*fill"),
        ("", "there are no items"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        load_labelled(ts(tmp_path, lines))


def test_header_lines_that_say_nothing_are_passed_over(tmp_path):
    header = HEADER.replace("@problemName Vowels", "@").replace("@dimensions 2", "@dimensions two")
    assert load_labelled(ts(tmp_path, "1,2:3,4:1\n", header)).items[0].shape == (2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("@classLabel true 1 2 10", "@targetlabel true"), "targets of a regression"),
        (("@timeStamps false", "@timeStamps true"), "time stamps"),
        (("@data\n", ""), "'@' was expected"),
    ],
)
def test_headers_that_are_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        load_labelled(ts(tmp_path, "1,2:3,4:1\n", HEADER.replace(*change)))


def test_missing_values_are_interpolated_on_request_and_padding_is_cut(tmp_path):
    path = ts(tmp_path, "1,?,3,?:4,5,?,?:1\n1,2:3,4:2\n")
    data = load_labelled(path, LabelledConfig(fill="linear"))
    assert data.items[0].tolist() == [[1, 4], [2, 5], [3, 5]]
    assert any("ended in steps without any value" in note for note in data.notes)
    with pytest.raises(DataError, match="channels without any value"):
        load_labelled(ts(tmp_path, "1,2:?,?:1\n1,2:3,4:2\n"), LabelledConfig(fill="linear"))


@settings(max_examples=30, deadline=None)
@given(
    shapes=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    width=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_ts_gives_back_what_was_written(tmp_path_factory, shapes, width, seed):
    generator = np.random.default_rng(seed)
    items = [generator.normal(size=(steps, width)) for steps in shapes]
    lines = "".join(
        ":".join(",".join(map(repr, channel.tolist())) for channel in item.T) + ":a\n"
        for item in items
    )
    path = ts(tmp_path_factory.mktemp("ts"), lines, "@classLabel true a\n@data\n")
    for found, item in zip(load_labelled(path).items, items, strict=True):
        np.testing.assert_array_equal(found, item)


LONG = """trial,second,x,y,move
b,1,2,20,run
a,0,5,50,walk
b,0,1,10,run
a,1,6,60,walk
a,2,7,70,walk
"""


def test_long_form_is_grouped_by_id_and_ordered_by_time(tmp_path):
    path = tmp_path / "moves.csv"
    path.write_text(LONG)
    data = load_labelled(path, LabelledConfig(id="trial", time="second", label="move"))
    assert data.ids == ["b", "a"]
    assert data.channels == ("x", "y")
    assert data.items[0].tolist() == [[1, 10], [2, 20]]
    assert data.items[1].tolist() == [[5, 50], [6, 60], [7, 70]]
    assert [data.classes[code] for code in data.labels] == ["run", "walk"]
    assert data.lines.tolist() == [2, 3]
    assert any("put in the order of 'second'" in note for note in data.notes)


def test_long_form_is_found_by_its_columns(tmp_path):
    path = tmp_path / "moves.csv"
    path.write_text(LONG.replace("trial,second", "id,time").replace("move", "label"))
    data = load_labelled(path)
    assert (data.kind, data.channels, len(data)) == ("series", ("x", "y"), 2)


def test_a_series_with_two_labels_is_named(tmp_path):
    path = tmp_path / "moves.csv"
    path.write_text(LONG.replace("a,2,7,70,walk", "a,2,7,70,run"))
    with pytest.raises(DataError, match=r"the series 'a' has the labels run, walk"):
        load_labelled(path, LabelledConfig(id="trial", time="second", label="move"))


def test_arrays_in_both_layouts_with_lengths(tmp_path):
    values = np.arange(24.0).reshape(2, 4, 3)
    np.savez(tmp_path / "a.npz", X=values, y=np.array(["u", "v"]), lengths=np.array([4, 2]))
    data = load_labelled(tmp_path / "a.npz")
    assert data.classes == ("u", "v")
    np.testing.assert_array_equal(data.items[1], values[1, :2])
    np.savez(tmp_path / "b.npz", x=values.transpose(0, 2, 1), labels=np.array([3, 4]))
    turned = load_labelled(tmp_path / "b.npz", LabelledConfig(layout="NCT"))
    np.testing.assert_array_equal(turned.items[0], values[0])
    np.save(tmp_path / "X.npy", values[:, :, 0])
    np.save(tmp_path / "y.npy", np.array([1, 0]))
    apart = load_labelled(tmp_path / "X.npy", LabelledConfig(labels_file=str(tmp_path / "y.npy")))
    assert apart.items[0].shape == (4, 1)
    assert apart.labels.tolist() == [1, 0]


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.savez(tmp_path / "a.npz", X=np.array([Trap(), Trap()], dtype=object), y=np.array([0, 1]))
    with pytest.raises(DataError, match="Python objects are refused"):
        load_labelled(tmp_path / "a.npz")


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 127), value=st.integers(0, 255), ending=st.sampled_from(["npy", "npz"]))
def test_a_damaged_file_of_arrays_is_read_or_refused(tmp_path_factory, at, value, ending):
    path = tmp_path_factory.mktemp("damaged") / f"a.{ending}"
    values = np.arange(6.0).reshape(2, 3)
    np.savez(path, X=values, y=np.arange(2)) if ending == "npz" else np.save(path, values)
    content = bytearray(path.read_bytes())
    content[at] = value
    path.write_bytes(content)
    try:
        data = load_labelled(path, labelled=False)
    except DataError:
        return
    assert np.isfinite(np.concatenate(data.items)).all()


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((10, 1000, 10)), y=np.arange(10))
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    with pytest.raises(DataError, match="unpacks to"):
        load_labelled(tmp_path / "a.npz", LabelledConfig(max_bytes=10_000))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((2, 3, 4, 5)), "y": np.zeros(2)}, "has the shape"),
        ({"X": np.zeros((2, 3)), "y": np.zeros(3)}, r"y has the shape \(3,\)"),
        ({"X": np.array([["a"]]), "y": np.zeros(1)}, "numbers were expected"),
        ({"X": np.zeros((1, 3)), "y": np.zeros(1), "lengths": np.array([4])}, "from 0 to 3"),
        ({"Z": np.zeros(2)}, "an array X was expected"),
        ({"X": np.zeros((2, 3))}, "2 of 2 items have no label"),
        ({"X": np.full((2, 3), np.inf), "y": np.zeros(2)}, "infinite"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_labelled(tmp_path / "a.npz")


def test_scaling_is_of_the_training_part_channel_by_channel():
    generator = np.random.default_rng(0)
    items = [generator.normal([5, -3], [2, 9], size=(steps, 2)) for steps in (30, 50)]
    train = LabelledSet.from_items(items, ["a", "b"])
    scaled = train.scaled(Scaler("standard").fit(train.items))
    together = np.concatenate(scaled.items)
    np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(together.std(axis=0), 1)
