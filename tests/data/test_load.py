"""A user's file becomes series: choices said aloud, faults with lines and remedies."""

import numpy as np
import pandas as pd
import pytest

from mnemonist.data import SeriesConfig, bundled_names, bundled_path, check_series, load_series
from mnemonist.errors import ConfigError, DataError


def days(count, **columns):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=count)})
    return frame.assign(**columns)


def wave(count):
    return np.sin(np.arange(count) / 3.0) + 0.01 * np.arange(count)


def codes(source, config=None, **options):
    return [finding.code for finding in check_series(source, config, **options)]


def csv(folder, frame, name="load.csv"):
    path = folder / name
    frame.to_csv(path, index=False)
    return path


def test_the_defaults_are_said_aloud(tmp_path):
    frame = days(40, site="north", wind=np.cos(np.arange(40.0)), load=wave(40))
    data = load_series(csv(tmp_path, frame))
    assert (data.target_name, data.time_name, data.frequency) == ("load", "day", "D")
    assert "target: the last numeric column 'load'" in data.notes
    assert "time: the column 'day', by its content" in data.notes
    assert any(note.startswith("not used: 'site', 'wind'") for note in data.notes)
    np.testing.assert_array_equal(data.series[0].target, frame["load"])
    assert data.series[0].lines.tolist() == list(range(2, 42))


def test_a_misspelt_column_names_the_nearest(tmp_path):
    path = csv(tmp_path, days(40, Temperature=wave(40), Demand=wave(40)))
    with pytest.raises(
        DataError, match=r"no column 'demnad'; the nearest is 'Demand'.*name one of"
    ):
        load_series(path, SeriesConfig(target="demnad"))


def test_chinese_columns_in_gbk_with_decimal_commas(tmp_path):
    path = tmp_path / "负荷.csv"
    rows = "".join(f"2024年1月{k}日;{k},5;{k}\n" for k in range(1, 29))
    path.write_bytes(f"日期;用电负荷;气温\n{rows}".encode("gbk"))
    data = load_series(path, SeriesConfig(target="用电负荷", known=("气温",)))
    assert data.series[0].target.tolist() == [k + 0.5 for k in range(1, 29)]
    assert data.frequency == "D"
    assert [note.split(":")[0] for note in data.notes[:3]] == [
        "encoding", "delimiter", "decimal sign",
    ]  # fmt: skip


def test_unsorted_times_are_refused_or_sorted(tmp_path):
    frame = days(30, load=wave(30))
    path = csv(tmp_path, frame.iloc[::-1])
    with pytest.raises(DataError, match=r"line 3: .*newest first.*sort=True"):
        load_series(path)
    data = load_series(path, SeriesConfig(sort=True))
    np.testing.assert_allclose(data.series[0].target, frame["load"])
    assert data.series[0].lines[0] == 31
    assert any("sorted by time" in note for note in data.notes)


@pytest.mark.parametrize(("how", "value"), [("first", 1.0), ("last", 5.0), ("mean", 3.0)])
def test_duplicate_times_are_refused_or_merged(tmp_path, how, value):
    frame = days(30, load=wave(30))
    frame.loc[3, "load"] = 1.0
    again = frame.iloc[[3]].assign(load=5.0)
    path = csv(tmp_path, pd.concat([frame.iloc[:4], again, frame.iloc[4:]]))
    with pytest.raises(
        DataError, match=r"line 6: .*1 rows repeat the time.*2024-01-04.*duplicates="
    ):
        load_series(path)
    data = load_series(path, SeriesConfig(duplicates=how))
    assert (len(data), data.series[0].target[3]) == (30, value)
    assert any("repeated time" in note for note in data.notes)


def test_repeated_times_of_several_series_suggest_the_id_column(tmp_path):
    parts = [days(30, region=name, load=wave(30) * k) for k, name in enumerate(["甲", "乙"], 1)]
    path = csv(tmp_path, pd.concat(parts).sort_values("day", kind="stable"))
    with pytest.raises(DataError, match="'region' tells series apart: name it"):
        load_series(path)
    data = load_series(path, SeriesConfig(id="region"))
    assert [one.id for one in data.series] == ["甲", "乙"]
    np.testing.assert_allclose(data.series[1].target, 2 * data.series[0].target)


def gapped(tmp_path):
    frame = days(40, load=np.arange(40.0))
    return csv(tmp_path, frame.drop(index=[10, 11, 20]))


@pytest.mark.parametrize("points", [7, 25, 37.7, 50])
def test_steps_that_are_no_round_numbers_are_steps(points):
    x = 2 * np.pi * np.arange(1000) / points
    data = load_series(pd.DataFrame({"x": x, "y": np.sin(x)}), SeriesConfig(time="x"))
    np.testing.assert_array_equal(data.series[0].target, np.sin(x))
    np.testing.assert_allclose(data.times_after(0, 2), x[-1] + np.diff(x)[:2].cumsum(), rtol=1e-6)


def test_gaps_are_refused_with_the_lines(tmp_path):
    with pytest.raises(
        DataError,
        match=r"line 11: .*3 steps of frequency 'D' are missing in 2 gaps \(the largest 2\), the "
        r"first after 2024-01-10.*fill='linear'",
    ):
        load_series(gapped(tmp_path))


def test_gaps_are_filled_as_asked_and_said(tmp_path):
    path = gapped(tmp_path)
    linear = load_series(path, SeriesConfig(fill="linear"))
    np.testing.assert_allclose(linear.series[0].target, np.arange(40.0))
    assert linear.series[0].lines[10] == 0
    assert any("3 missing steps were inserted" in note for note in linear.notes)
    assert any("3 empty values of 'load' were filled by linear" in note for note in linear.notes)
    before = load_series(path, SeriesConfig(fill="ffill"))
    assert before.series[0].target[9:13].tolist() == [9.0, 9.0, 9.0, 12.0]
    dropped = load_series(path, SeriesConfig(fill="drop"))
    assert len(dropped) == 37
    assert any("counted as no time" in note for note in dropped.notes)


def test_missing_cells_are_refused_with_lines_or_filled(tmp_path):
    frame = days(30, load=wave(30))
    frame.loc[[0, 5, 29], "load"] = np.nan
    path = csv(tmp_path, frame)
    with pytest.raises(DataError, match=r"line 2: .*'load' has 3 empty cells \(lines 2, 7, 31\)"):
        load_series(path)
    data = load_series(path, SeriesConfig(fill="linear"))
    assert len(data) == 28
    assert data.series[0].target[4] == pytest.approx(frame["load"][[4, 6]].mean())
    assert any("2 empty steps at its ends were left out" in note for note in data.notes)


def test_a_missing_hour_in_spring_hints_at_daylight_saving():
    times = pd.date_range("2024-03-25", periods=24 * 12, freq="h")
    times = times[times != pd.Timestamp("2024-03-31 02:00")]
    frame = pd.DataFrame({"time": times, "load": wave(len(times))})
    with pytest.raises(DataError, match="daylight saving time"):
        load_series(frame)


def test_business_days_may_lack_holidays():
    times = pd.bdate_range("2024-01-01", periods=250).delete([20, 90, 180])
    frame = pd.DataFrame({"day": times, "price": wave(247)})
    data = load_series(frame)
    assert (data.frequency, len(data)) == ("B", 247)
    assert any("3 business days without a row" in note for note in data.notes)


def test_irregular_times_and_a_frequency_that_is_far_too_fine():
    random = np.random.default_rng(0)
    minutes = np.cumsum(random.integers(1, 10_000, 40))
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")
    frame = pd.DataFrame({"time": times, "load": wave(40)})
    with pytest.raises(DataError, match="no common step"):
        load_series(frame)
    assert len(load_series(frame, SeriesConfig(fill="drop"))) == 40
    with pytest.raises(DataError, match="coarser frequency"):
        load_series(frame, SeriesConfig(frequency="s", fill="linear"))


def test_rows_without_a_target_at_the_end_are_the_future():
    frame = days(30, plan=np.arange(30.0), load=wave(30))
    frame.loc[26:, "load"] = np.nan
    data = load_series(frame, SeriesConfig(target="load", known=("plan",), calendar=("weekday",)))
    assert len(data) == 26
    assert data.known_names == ("plan", "weekday_sin", "weekday_cos")
    known = data.known_after(0, 4)
    assert known[:, 0].tolist() == [26.0, 27.0, 28.0, 29.0]
    weekdays = pd.date_range("2024-01-27", periods=4).day_of_week
    np.testing.assert_allclose(known[:, 1], np.sin(2 * np.pi * weekdays / 7))
    assert any("taken as the future" in note for note in data.notes)
    with pytest.raises(DataError, match=r"for 4 steps after .* and 5 are to be forecast"):
        data.known_after(0, 5)


def test_the_calendar_needs_dates():
    frame = pd.DataFrame({"step": range(30), "load": wave(30)})
    with pytest.raises(ConfigError, match="need a time column with dates"):
        load_series(frame, SeriesConfig(calendar=("hour",)))


def test_times_after_the_end_follow_the_frequency():
    frame = pd.DataFrame(
        {"month": pd.date_range("2024-01-31", periods=12, freq="ME"), "x": wave(12)}
    )
    after = load_series(frame).times_after(0, 2)
    assert list(after) == [pd.Timestamp("2025-01-31"), pd.Timestamp("2025-02-28")]


def test_a_fingerprint_is_of_the_values_not_of_the_file(tmp_path):
    frame = days(30, load=np.arange(30.0))
    same = load_series(csv(tmp_path, frame)).fingerprint()
    assert same == load_series(frame).fingerprint()
    frame.loc[7, "load"] += 1e-9
    assert load_series(frame).fingerprint()["sha256"] != same["sha256"]


@pytest.mark.parametrize(
    ("columns", "config", "code"),
    [
        ({"load": 1.0}, {}, "constant-series"),
        ({"load": ["x", *["1"] * 39]}, {"target": "load"}, "not-a-number"),
        ({"load": [np.inf, *wave(39)]}, {}, "infinite-values"),
        ({"name": "x"}, {}, "no-numeric-column"),
        ({"load": wave(40)}, {"time": "load", "target": "nothing"}, "missing-column"),
        ({"copy": wave(40), "load": wave(40)}, {"known": ("copy",)}, "leakage"),
        ({"ahead": wave(41)[1:], "load": wave(40)}, {"unknown": ("ahead",)}, "leakage"),
        ({"late": wave(40), "load": wave(41)[1:]}, {"known": ("late",)}, "leakage"),
        ({"copy": wave(40), "load": wave(40)}, {"unknown": ("copy",)}, "covariate-equals-target"),
        ({"flat": 2.0, "load": wave(40)}, {"unknown": ("flat",)}, "constant-covariate"),
    ],
)
def test_the_check_names_the_fault(columns, config, code):
    frame = days(40, **columns)
    found = check_series(frame, SeriesConfig(**config), window=4, horizon=3)
    assert code in [finding.code for finding in found]
    assert all(finding.remedy for finding in found if finding.severity == "fatal")


def test_honest_covariates_are_no_leak():
    random = np.random.default_rng(0)
    load = random.normal(size=200).cumsum()
    frame = days(200, before=np.r_[0.0, load[:-1]], near=load + 0.01 * random.normal(size=200))
    frame = frame.assign(load=load)
    unknown = SeriesConfig(unknown=("before", "near"))
    assert "leakage" not in codes(frame, unknown, window=8, horizon=4)
    known = SeriesConfig(known=("near",))
    assert "leakage" not in codes(frame, known, window=8, horizon=4)


def test_too_few_rows_come_with_the_numbers():
    (finding,) = [
        finding
        for finding in check_series(days(30, load=wave(30)), window=15, horizon=8)
        if finding.code == "too-few-rows"
    ]
    assert finding.severity == "fatal"
    assert "30 rows, too few for window 15 + horizon 8" in finding.message
    assert "training has 20 and needs 23" in finding.message


def test_few_windows_are_a_warning():
    assert "few-windows" in codes(days(40, load=wave(40)), window=4, horizon=1)
    assert "few-windows" not in codes(days(80, load=wave(80)), window=4, horizon=1)


def test_a_frequency_without_a_time_column_is_refused():
    with pytest.raises(ConfigError, match="no time column"):
        load_series(pd.DataFrame({"load": wave(60)}), SeriesConfig(frequency="D"))


def test_outliers_are_a_warning_and_ordinary_data_has_none():
    load = wave(200)
    load[77] = 900.0
    (finding,) = [one for one in check_series(days(200, load=load)) if one.code == "outliers"]
    assert (finding.severity, finding.line) == ("warning", 78)
    for name in bundled_names():
        assert not {"outliers", "leakage"} & set(codes(bundled_path(name), window=15, horizon=4))


def test_load_raises_what_check_found(tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("day,load\n2024-01-01,1\n2024-01-02,x\nyesterday,3\n")
    config = SeriesConfig(target="load", time="day")
    fatal = [one for one in check_series(path, config) if one.severity == "fatal"]
    assert {one.code for one in fatal} == {"not-a-number", "not-a-time"}
    with pytest.raises(DataError) as raised:
        load_series(path, config)
    assert str(raised.value) == "\n".join(map(str, fatal))


def test_many_faulty_series_are_summed_up():
    parts = [days(5, name=str(k), load=wave(5)).iloc[::-1] for k in range(9)]
    found = check_series(pd.concat(parts), SeriesConfig(id="name", target="load"))
    assert [one.code for one in found] == ["unsorted-times"] * 4
    assert "6 more series" in found[-1].message


def test_bundled_series_load_without_a_word_of_warning():
    lengths = {name: len(load_series(bundled_path(name))) for name in bundled_names()}
    assert lengths["oil"] == 1028
    with pytest.raises(ConfigError, match="no bundled series 'gold'"):
        bundled_path("gold")
