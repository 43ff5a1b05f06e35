"""Cells as numbers: never guessed, always with their lines."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.numbers import parse_numbers
from mnemonist.data.table import Table


def table(cells, decimal=".", given=False):
    frame = pd.DataFrame({"load": np.array(cells, dtype=object)})
    return Table(frame, np.arange(2, len(cells) + 2), "load.csv", decimal, given)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_every_float_is_read_back_from_its_text(values):
    numbers = parse_numbers(table([repr(value) for value in values]), "load")
    assert not numbers.findings
    np.testing.assert_allclose(numbers.values, values, rtol=1e-15, atol=0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: f"{x:.5f}"), min_size=1, max_size=20))
def test_a_decimal_comma_reads_as_the_point(texts):
    commas = parse_numbers(table([text.replace(".", ",") for text in texts], ","), "load")
    points = parse_numbers(table(texts), "load")
    np.testing.assert_array_equal(commas.values, points.values)


def test_missing_marks_are_missing_and_not_wrong():
    numbers = parse_numbers(table(["1", "", "NA", "n/a", "NULL", "-", "nan", " 2 "]), "load")
    assert not numbers.findings
    assert numbers.missing.tolist() == [False] + [True] * 6 + [False]
    assert numbers.values[[0, 7]].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("cell", ["12 kW", "5%", "$3", "1_000", "0x10", "１２a", "1.2.3", "true"])
def test_what_is_no_number_is_told_with_its_line(cell):
    numbers = parse_numbers(table(["1", cell, "3"]), "load")
    (finding,) = numbers.findings
    assert (finding.severity, finding.code, finding.line) == ("fatal", "not-a-number", 3)
    assert repr(cell) in finding.message
    assert np.isnan(numbers.values[1])


def test_many_bad_cells_show_the_first_few_and_the_count():
    (finding,) = parse_numbers(table(["x"] * 43), "load").findings
    assert "43 cells are no number: 'x', 'x', 'x' and 40 more (lines 2, 3, 4 and 40 more)" in (
        finding.message
    )


@pytest.mark.parametrize("cell", ["1,234", "1,234.5", "12,345,678", "1'000", "1\u00a0000"])
def test_thousands_separators_are_refused_with_a_remedy(cell):
    (finding,) = parse_numbers(table(["1.5", cell]), "load").findings
    assert finding.code == "thousands-separator"
    assert "without separators" in finding.remedy


def test_thousands_points_in_a_decimal_comma_file_are_refused():
    (finding,) = parse_numbers(table(["1,5", "1.234,5", "2.500"], ","), "load").findings
    assert (finding.code, finding.lines) == ("thousands-separator", (3, 4))


def test_commas_before_three_digits_only_have_two_readings():
    (finding,) = parse_numbers(table(["1,234", "2,500"], ","), "load").findings
    assert finding.code == "decimal-sign-unsure"
    named = parse_numbers(table(["1,234", "2,500"], ",", given=True), "load")
    assert (named.values.tolist(), named.findings) == ([1.234, 2.5], [])
    proven = parse_numbers(table(["1,234", "0,500"], ","), "load")
    assert (proven.values.tolist(), proven.findings) == ([1.234, 0.5], [])
