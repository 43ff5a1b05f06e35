"""The table and the sentence that people read."""

import json

import numpy as np
import pytest

from mnemonist.errors import ConfigError
from mnemonist.evaluation import Interval, ResultTable, Row, verdict
from mnemonist.evaluation.significance import DieboldMariano


def table():
    return ResultTable(
        [
            Row("last value", "baseline", {"MASE": 1.25, "coverage": 0.97}),
            Row("LSTM <b>大</b>", "network", {"MASE": 0.7123, "coverage": 0.88},
                {"MASE": Interval(0.65, 0.78)}, "3 seeds"),
            Row("[red]GRU", "network", {"MASE": float("nan")}),
        ],
        targets={"coverage": 0.9},
        title="Test <part>",
    )  # fmt: skip


def test_the_best_of_each_column_and_of_each_kind():
    results = table()
    assert results.best("MASE").name == "LSTM <b>大</b>"
    assert results.best("MASE", "baseline").name == "last value"
    assert results.best("coverage").name == "LSTM <b>大</b>"
    assert results.best("unheard of") is None
    assert [row.name for row in results.sorted_by("MASE").rows] == [
        "LSTM <b>大</b>", "last value", "[red]GRU",
    ]  # fmt: skip


def test_plain_text_is_complete():
    text = table().to_text()
    assert "0.712 [0.65, 0.78]*" in text.replace("0.650", "0.65").replace("0.780", "0.78")
    assert "LSTM <b>大</b> (3 seeds)" in text
    assert "–" in text
    assert text.count("*") == 3
    assert "95 % bootstrap interval" in text


def test_html_escapes_what_users_wrote():
    html = table().to_html()
    assert "<b>" not in html
    assert "LSTM &lt;b&gt;大&lt;/b&gt; (3 seeds)" in html
    assert "Test &lt;part&gt;" in html
    assert html.count('class="best"') == 2
    assert html.count('<tr class="network">') == 2


def test_rich_shows_names_as_they_are():
    from rich.console import Console

    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table().to_rich())
    text = console.export_text()
    assert "[red]GRU" in text
    assert "LSTM <b>大</b> (3 seeds)" in text


def test_json_is_strict_and_returns():
    state = json.loads(table().to_json(), parse_constant=lambda name: pytest.fail(name))
    assert state["rows"][2]["values"]["MASE"] is None
    assert state["rows"][1]["best"] == ["MASE", "coverage"]
    again = ResultTable.from_dict(state)
    assert again.to_text() == table().to_text()
    assert np.isnan(again.rows[2].values["MASE"])


def test_an_empty_table_is_refused():
    with pytest.raises(ConfigError, match="at least one row"):
        ResultTable([])


def outcome(p, statistic=-2.0):
    return DieboldMariano(statistic, p, -0.1, 100)


@pytest.mark.parametrize(
    ("value", "other", "test", "expected"),
    [
        (0.71, 0.83, outcome(0.003), "The LSTM is better than the best baseline (seasonal naive): MASE "
         "0.71 against 0.83, 14 % lower; the difference is significant (Diebold-Mariano p = 0.003)."),
        (0.8, 0.83, outcome(0.4), "The LSTM is better than the best baseline (seasonal naive), but "
         "within the noise: MASE 0.80 against 0.83, 4 % lower; the difference is not significant "
         "(Diebold-Mariano p = 0.40)."),
        (1.2, 0.8, outcome(0.0001), "Not better than repeating the last season: the LSTM has MASE 1.20 "
         "against 0.80, 50 % higher; the difference is significant (Diebold-Mariano p < 0.001)."),
        (0.8, 0.8, None, "Not better than repeating the last season: the LSTM has MASE 0.8 against 0.8; "
         "no significance test was possible."),
    ],
)  # fmt: skip
def test_the_verdict_is_honest(value, other, test, expected):
    assert verdict("LSTM", value, "seasonal naive", other, test=test) == expected


def test_a_verdict_against_a_perfect_or_unnamed_baseline():
    sentence = verdict("RNN", 0.01, "linear autoregression", 0.0, metric="RMSE")
    assert sentence.startswith(
        "Not better than the baseline linear autoregression: the RNN has RMSE"
    )
    assert "the baseline makes no error" in sentence
    assert "repeating the last season" in verdict("RNN", 2.0, "seasonal naive (168)", 1.0)
    tiny = verdict("RNN", 1.0004, "ETS", 1.0009)
    assert "MASE 1.000 against 1.001; no" in tiny


@pytest.mark.parametrize(
    ("value", "shown"), [(0.975, "0.98"), (0.9749, "0.97"), (0.125, "0.13"), (1e300, "1000000")]
)
def test_a_verdict_rounds_as_a_reader_does(value, shown):
    assert f"accuracy {shown}" in verdict("GRU", value, "n-grams", 0.1, metric="accuracy")
