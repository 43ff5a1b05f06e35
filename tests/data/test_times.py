"""Times in the forms that files have, and the steps between them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.series.config import SeriesConfig
from mnemonist.data.series.frequency import infer_frequency, times_after
from mnemonist.data.series.times import parse_times
from mnemonist.data.table import Table
from mnemonist.errors import ConfigError


def parse(cells, **options):
    frame = pd.DataFrame({"time": np.array(cells, dtype=object)})
    table = Table(frame, np.arange(2, len(cells) + 2), "load.csv")
    return parse_times(table, "time", SeriesConfig(**options))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("2024-01-05", "2024-01-06", "2024-01-05"),
        ("2024-01-05 13:30", "2024-01-05 14:00", "2024-01-05 13:30"),
        ("2024-01-05T13:30:00", "2024-01-05T14:00:00", "2024-01-05 13:30"),
        ("2024/1/5", "2024/1/6", "2024-01-05"),
        ("2024年1月5日", "2024年1月6日", "2024-01-05"),
        ("2024年1月", "2024年2月", "2024-01-01"),
        ("31.12.2024", "01.01.2025", "2024-12-31"),
        ("31.12.2024 23:30", "01.01.2025 00:00", "2024-12-31 23:30"),
        ("12/31/2024", "01/01/2025", "2024-12-31"),
        ("31-12-24", "01-01-25", "2024-12-31"),
        ("1960 Jan", "1960 Feb", "1960-01-01"),
        ("Jan 1960", "Feb 1960", "1960-01-01"),
        ("5-Jan-2024", "6-Jan-2024", "2024-01-05"),
        ("2024Q2", "2024Q3", "2024-04-01"),
        ("2024-W02", "2024-W03", "2024-01-08"),
        ("20240105", "20240106", "2024-01-05"),
        ("202404", "202405", "2024-04-01"),
        ("1700-06-01", "1701-06-01", "1700-06-01"),
    ],
)
def test_written_forms(first, second, expected):
    times = parse([first, second])
    assert not times.bad.any()
    assert times.values[0] == pd.Timestamp(expected)
    assert times.values[1] > times.values[0]


def test_day_or_month_first_is_decided_by_regular_steps_and_said():
    days = [f"{day:02d}/04/2024" for day in range(1, 13)]
    times = parse(days)
    assert times.values[0] == pd.Timestamp("2024-04-01")
    assert np.diff(times.values.asi8).max() == np.diff(times.values.asi8).min()
    (finding,) = times.findings
    assert (finding.severity, finding.code) == ("warning", "day-or-month-first")
    assert "day_first=False" in finding.remedy
    assert parse(days, day_first=False).values[0] == pd.Timestamp("2024-01-04")
    assert parse(days, time_format="%m/%d/%Y").values[0] == pd.Timestamp("2024-01-04")


def test_offsets_are_counted_in_utc_and_said():
    times = parse(["2024-03-31T01:30:00+01:00", "2024-03-31T03:00:00+02:00"])
    assert times.values[0] == pd.Timestamp("2024-03-31 00:30")
    assert np.diff(times.values.asi8)[0] == 30 * 60 * 1_000_000
    assert "UTC" in times.notes[0]


def test_decimal_years_are_months():
    times = parse([f"{1949 + month / 12:.6f}" for month in range(24)])
    assert times.values[13] == pd.Timestamp("1950-02-01")


def test_cells_that_are_no_time_are_told_with_lines():
    times = parse(["2024-01-01", "yesterday", "2024-01-03", ""])
    (finding,) = times.findings
    assert (finding.code, finding.lines) == ("not-a-time", (3, 5))
    assert "'yesterday'" in finding.message


ALIASES = ["s", "min", "5min", "15min", "30min", "h", "3h", "D", "2D", "W-MON", "W-FRI", "2W-SUN",
           "B", "MS", "ME", "2MS", "QS-JAN", "QE-DEC", "YS-JAN", "YE-DEC"]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(ALIASES), st.integers(12, 60), st.datetimes(
        pd.Timestamp("1900-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime()
    )
)  # fmt: skip
def test_pandas_frequencies_are_recognised_and_continued(alias, count, start):
    times = pd.date_range(pd.Timestamp(start).normalize(), periods=count + 3, freq=alias)
    found = infer_frequency(times[:count])
    assert found is not None
    again = times_after(times[:count], found, 3)
    assert list(again) == list(times[count:])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["30min", "h", "D", "W-FRI", "MS"]), st.sets(st.integers(1, 58), max_size=12)
)
def test_gaps_do_not_change_the_frequency(alias, gaps):
    times = pd.date_range("2024-01-31", periods=60, freq=alias)
    kept = times[[k for k in range(60) if k not in gaps]]
    assert infer_frequency(kept) == infer_frequency(times)


def test_counting_times_and_irregular_times():
    assert infer_frequency(np.arange(1700, 2009)) == "1"
    assert infer_frequency(np.arange(0, 5, 0.25)) == "0.25"
    assert infer_frequency(pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05"])) is None
    assert times_after(np.array([1, 3, 5]), "2", 2).tolist() == [7, 9]


def test_an_unknown_frequency_is_a_config_error():
    with pytest.raises(ConfigError, match="no frequency"):
        times_after(pd.date_range("2024", periods=3), "fortnight", 1)


def test_a_format_that_is_none_is_a_config_error():
    with pytest.raises(ConfigError, match="time_format='%Q'"):
        parse(["2024-01-01"], time_format="%Q")
