"""The report of a forecasting run: what was found, against what, on which data, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mnemonist.data.series import SeriesSet
from mnemonist.data.series.frequency import in_words
from mnemonist.errors import DataError
from mnemonist.runs.report import Bullets, Facts, Figure, Numbers, Report, Text, Verdict
from mnemonist.runs.report_figures import drawn
from mnemonist.tasks.common.report import (
    FOOTER,
    again_section,
    findings_list,
    network_row,
    p_value,
    result_table,
    training_section,
)
from mnemonist.tasks.common.text import count, digits
from mnemonist.tasks.forecast import figures
from mnemonist.tasks.forecast.future import forecast_ahead
from mnemonist.tasks.forecast.job import TrainedForecast
from mnemonist.tasks.forecast.text import strategy_sentence

__all__ = ["build_report"]


def build_report(trained: TrainedForecast) -> Report:
    """The report, section by section."""
    made, found = trained.plan, trained.evaluation
    data, name = made.data, Path(made.data.name).name
    report = Report(
        f"{data.target_name}, {count(made.resolved.layout.horizon, 'step')} ahead",
        kind=f"Forecast of {name} · {network_row(found.table).name}",
        footer=FOOTER,
    )
    report.top(Verdict(found.verdict, _basis(trained), found.tone), _numbers(trained))
    _results(report, trained)
    _forecasts(report, trained)
    _data(report, trained)
    made = trained.plan
    training_section(report, trained, network=strategy_sentence(made), rows="windows")
    again_section(report, trained, measures=_MEASURES, words=_words(made))
    return report


def _shown(metric: str, value: float) -> str:
    if metric.endswith("interval"):
        return f"{100 * value:.0f} %"
    return f"{value:.1f} %" if metric == "sMAPE" else digits(value)


def _basis(trained: TrainedForecast) -> str:
    found, horizon = trained.evaluation, trained.predictor.layout.horizon
    origins = f"{len(found.truth):,} forecasts of {horizon} step{'s' if horizon > 1 else ''} each"
    return (
        f"Measured on the test part, the end of the data, which neither the network nor a "
        f"baseline has seen: {origins}."
    )


def _numbers(trained: TrainedForecast) -> Numbers:
    table, found = trained.evaluation.table, trained.evaluation
    ours = network_row(table)
    best = next(row for row in table.rows if row.name == found.best_baseline)
    interval = ours.intervals["MAE"]
    level = trained.plan.config.levels[-1]
    held = ours.values[f"{level:.0%} interval"]
    return Numbers(
        [
            (
                f"Mean absolute error, {ours.name}",
                digits(ours.values["MAE"]),
                f"95 % bootstrap: {digits(interval.lower)} to {digits(interval.upper)}",
            ),
            (f"Best baseline: {best.name}", digits(best.values["MAE"]), "mean absolute error"),
            (
                "MASE",
                digits(ours.values["MASE"]),
                f"1 is the error of {_scale(trained)} in training",
            ),
            (
                f"Inside the {level:.0%} interval".replace("%", " %"),
                f"{100 * held:.0f} %",
                "of the test values",
            ),
        ]
    )


def _scale(trained: TrainedForecast) -> str:
    """What MASE divides by."""
    return "the seasonal naive" if trained.plan.data.season else "repeating the last value"


def _results(report: Report, trained: TrainedForecast) -> None:
    found = trained.evaluation
    section = report.section("Results beside the baselines")
    section.add(
        result_table(
            found.table,
            "Sorted by MASE; the best of each column in green. Small figures: 95 % intervals by "
            "the circular block bootstrap. Columns in per cent: the share of test values inside the "
            "interval of that level, best nearest to it; sMAPE is an error.",
            _shown,
        )
    )
    if found.test is not None:
        section.add(
            Text(
                f"Diebold-Mariano test of the network against {found.best_baseline}: statistic "
                f"{found.test.statistic:.2f}, {p_value(found.test.p_value)}, over "
                f"{found.test.count:,} origins.",
                soft=True,
            )
        )
    if found.skipped:
        section.add(Bullets([("note", f"Left out: {reason}.") for reason in found.skipped]))


def _forecasts(report: Report, trained: TrainedForecast) -> None:
    found, data, horizon = trained.evaluation, trained.plan.data, trained.predictor.layout.horizon
    section = report.section("Forecast against truth")
    naive = "seasonal naive" if "seasonal naive" in found.baselines else "last value"
    several = f" First series: {data.series[0].id}." if len(data.series) > 1 else ""
    section.add(
        Figure(
            drawn(figures.forecast_figure, found, data, naive),
            f"Truth, forecast and {naive} forecast over the end of the test part",
            "The end of the test part. "
            + (
                f"Each forecast covers {horizon} steps from a vertical line on."
                if horizon > 1
                else "Every point was forecast one step before."
            )
            + several,
        )
    )
    try:
        future, times = forecast_ahead(trained.predictor, data)
        section.add(
            Figure(
                drawn(figures.ahead_figure, data, future, times[0]),
                "Forecast beyond the end of the data",
                "Beyond the end of the data." + several,
            )
        )
    except DataError as reason:
        section.add(Text(f"No forecast beyond the end of the data: {reason}", soft=True))
    if horizon > 1:
        section.add(
            Figure(
                drawn(figures.by_horizon_figure, found),
                "Mean absolute error by step ahead",
                "How the error grows with the distance. Baselines far off are not drawn.",
            )
        )
    if found.residuals is not None:
        section.add(
            Figure(
                drawn(figures.residual_figure, found),
                "Autocorrelation of the errors one step ahead",
                f"Autocorrelation of the errors one step ahead. {found.residuals.sentence()}",
            )
        )


def _data(report: Report, trained: TrainedForecast) -> None:
    made = trained.plan
    data, parts, layout = made.data, made.resolved.parts, made.resolved.layout
    section = report.section("Data, and how it becomes inputs and targets")
    one = data.series[0]
    section.add(
        Figure(
            drawn(figures.data_figure, data, parts),
            "The series with its training, validation and test parts",
            "Cut by time, never shuffled: the network learns on the first part, stops and is "
            "calibrated on the second, and is judged on the third."
            + (f" First of {len(data.series)} series: {one.id}." if len(data.series) > 1 else ""),
        ),
        Facts(_data_facts(data, trained)),
    )
    origin = int(parts.train[0][1] * 0.6) + layout.window
    origin = max(layout.window - 1, min(origin, len(one) - layout.horizon - 2))
    section.add(
        Figure(
            drawn(figures.window_figure, data, layout, origin),
            "Three neighbouring windows: inputs in blue, targets in orange",
            f"How the series becomes pairs: {count(layout.window, 'past step')} in, "
            f"{count(layout.horizon, 'future step')} out; then the window moves on. "
            f"{_pairs(trained)}",
        )
    )
    if (findings := findings_list(made.findings)) is not None:
        section.add(findings)


def _data_facts(data: SeriesSet, trained: TrainedForecast) -> list[tuple[str, str]]:
    facts = [
        ("File", Path(data.name).name),
        ("Target", data.target_name),
        ("Time", data.time_name or "none; rows are counted"),
        (
            "Steps",
            f"{len(data):,}" + (f" in {len(data.series)} series" if len(data.series) > 1 else ""),
        ),
        ("One row", in_words(data.frequency)),
        ("Season", f"{data.season} steps" if data.season else "none found"),
        ("Parts", trained.plan.resolved.parts.describe()),
    ]
    if data.known_names:
        facts.append(("Known ahead", ", ".join(data.known_names)))
    if data.unknown_names:
        facts.append(("Known in the past only", ", ".join(data.unknown_names)))
    return facts


def _pairs(trained: TrainedForecast) -> str:
    layout, parts = trained.plan.resolved.layout, trained.plan.resolved.parts
    counts = [
        max(0, stop - start - layout.history - layout.horizon + 1) for start, stop in parts.train
    ]
    return f"The training part makes {sum(counts):,} pairs."


_MEASURES = (
    "MAE: mean absolute error, in the units of the data. RMSE: root of the mean squared error; "
    "large errors weigh more.",
    "MASE: MAE over the mean error in the training part of repeating the last season, or the last "
    "value where there is no season (Hyndman & Koehler 2006). Forecasts of several steps can "
    "exceed 1 and be good.",
    "sMAPE: symmetric percentage error, 0 to 200 % (Makridakis & Hibon 2000).",
    "Intervals were calibrated on the validation part (conformal; Romano et al. 2019, Lei et al. "
    "2018). They hold as long as the errors of the future are like those of the validation part.",
    "Diebold-Mariano: a test of whether two forecasts' errors differ by more than chance, given "
    "that neighbouring errors are alike (1995; Harvey et al. 1997). A p below 0.05 counts as "
    "significant.",
    "Baselines see exactly the same windows and covariates. Last value, seasonal naive and drift "
    "learn nothing; linear autoregression is least squares; MLPs are scikit-learn's.",
)


_STRATEGIES = {
    "direct": "direct: the network reads a window once and states all steps ahead at once.",
    "recursive": "recursive: the network states one step ahead and reads its own forecast as the next input.",
    "seq2seq": "seq2seq: one network reads the window, a second writes step after step, reading what it wrote.",
}
_HEADS = {
    "linear": "linear head: one linear map from the network's last state to all steps ahead.",
    "local": "local head: a small network, the same for every step ahead, that reads the last state and what "
    "is known of that step: covariates, calendar, the value a season before.",
}
_DISTRIBUTIONS = {
    "point": "point: one number a step; the intervals come from the errors on the validation part.",
    "quantiles": "quantiles: the centre and the bounds of the intervals are learned together.",
    "student_t": "student_t: a Student t distribution is learned for every step.",
}
_ANCHORS = {
    "last": "correcting the last value: the network states the difference from the last value seen.",
    "season": "correcting last season: the network states the difference from the value one season before.",
}


def _words(made: Any) -> list[str]:
    """The words of `strategy_sentence`, and those of the list of what was chosen."""
    config = made.config
    lines = [_STRATEGIES[config.strategy], _DISTRIBUTIONS[config.distribution]]
    if config.strategy == "direct":
        lines.insert(1, _HEADS[config.head])
    if config.linear:
        lines.append(
            "a linear path beside it: a linear map of the window is added to the network's forecast, "
            "so that the network learns what is not linear."
        )
    lines += [_ANCHORS[config.anchor]] if config.anchor in _ANCHORS else []
    if config.lags:
        lines.append(
            "lags: for each step ahead, the value this many steps before that step is read."
        )
    return lines
