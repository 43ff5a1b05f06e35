"""FASTA records with their labels in the header or in a table beside them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.labelled import LabelledConfig, load_labelled
from mnemonist.errors import DataError


def fasta(folder, text):
    path = folder / "sites.fasta"
    path.write_text(text)
    return path


def test_records_over_several_lines_in_upper_and_lower_case(tmp_path):
    data = load_labelled(
        fasta(tmp_path, ">s1 donor\nacgt\nACGU\n\n>s2|acceptor\n; a remark\nGG CC\n")
    )
    assert data.kind == "symbols"
    assert data.items == ["ACGTACGU", "GGCC"]
    assert data.ids == ["s1", "s2"]
    assert [data.classes[code] for code in data.labels] == ["donor", "acceptor"]
    assert data.lines.tolist() == [1, 5]


def test_iupac_codes_are_kept_and_told(tmp_path):
    data = load_labelled(fasta(tmp_path, ">a x\nACGTN\n>b y\nACGTRN\n"))
    assert data.items == ["ACGTN", "ACGTRN"]
    (note,) = data.findings
    assert note.code == "ambiguous-symbols"
    assert "N 2 times, R 1 times" in note.message


def test_a_header_by_pattern(tmp_path):
    path = fasta(tmp_path, ">EI:HUMALPI1B-DONOR\nACGT\n>N:HUMALPI1B\nTGCA\n")
    data = load_labelled(path, LabelledConfig(header=r"(?P<label>\w+):(?P<id>\S+)"))
    assert data.classes == ("EI", "N")
    assert data.ids == ["HUMALPI1B-DONOR", "HUMALPI1B"]
    for wrong in ("(", "(?P<id>x)"):
        with pytest.raises(ValueError, match=r"regular expression|lacks the groups"):
            LabelledConfig(header=wrong)


def test_labels_in_a_table(tmp_path):
    path = fasta(tmp_path, ">a some protein\nMKV\n>b\nMKL\n")
    (tmp_path / "labels.csv").write_text("name,family\nb,kinase\na,other\n")
    config = LabelledConfig(labels_file=str(tmp_path / "labels.csv"))
    assert [load_labelled(path, config).classes[k] for k in load_labelled(path, config).labels] == [
        "other",
        "kinase",
    ]
    (tmp_path / "labels.csv").write_text("name,family\nb,kinase\nb,other\n")
    with pytest.raises(
        DataError, match="line 3: 'b' has the label 'other' here and 'kinase' above"
    ):
        load_labelled(path, config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT\n", "line 1: a header line '>name label' was expected"),
        (">a x\nAC1T\n", "line 2: '1' is no symbol"),
        (">a\nACGT\n>b x\nACGT\n", "line 1: 1 of 2 items have no label"),
    ],
)
def test_files_that_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        load_labelled(fasta(tmp_path, text))


@settings(max_examples=30, deadline=None)
@given(
    records=st.lists(st.text("ACGTN", min_size=1, max_size=30), min_size=1, max_size=5),
    width=st.integers(1, 12),
)
def test_any_wrapping_gives_the_same_records(tmp_path_factory, records, width):
    text = "".join(
        f">r{k} x\n" + "\n".join(one[at : at + width] for at in range(0, len(one), width)) + "\n"
        for k, one in enumerate(records)
    )
    assert load_labelled(fasta(tmp_path_factory.mktemp("f"), text)).items == records
