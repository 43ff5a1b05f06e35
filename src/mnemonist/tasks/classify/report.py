"""The report of a classifier: what was found, against what, on which data, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mnemonist.data.labelled import LabelledSet
from mnemonist.evaluation.classification import confusion_matrix, top_losses
from mnemonist.runs.report import (
    Bullets,
    Facts,
    Figure,
    Folded,
    Numbers,
    Report,
    ReportTable,
    Row,
    Section,
    Text,
    Verdict,
)
from mnemonist.runs.report_figures import drawn
from mnemonist.tasks.classify import figures
from mnemonist.tasks.classify.job import TrainedClassifier
from mnemonist.tasks.classify.score import SHARES
from mnemonist.tasks.classify.text import network_sentence, pairs_of_them, shown_item, token_names
from mnemonist.tasks.common.figures import confusion_figure
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

__all__ = ["build_report"]

_TOP, _EXAMPLES, _EASY = 20, 3, 0.9


def build_report(trained: TrainedClassifier) -> Report:
    """The report, section by section."""
    made, found = trained.plan, trained.evaluation
    names = ", ".join(Path(one).name for one in made.sources)
    report = Report(
        f"{len(made.classes)} classes of {names}",
        kind=f"Classification · {network_row(found.table).name}",
        footer=FOOTER,
    )
    report.top(Verdict(found.verdict, _basis(trained), found.tone), _numbers(trained))
    _results(report, trained)
    _confusions(report, trained)
    _confidence(report, trained)
    _early(report, trained)
    _hardest(report, trained)
    _data(report, trained)
    training_section(report, trained, network=network_sentence(made), rows="items")
    again_section(report, trained, measures=_MEASURES)
    return report


def _basis(trained: TrainedClassifier) -> str:
    items = count(len(trained.evaluation.truth), "item")
    return (
        f"Measured on the test part, {items} that neither the network nor a baseline has seen in "
        "training."
    )


def _numbers(trained: TrainedClassifier) -> Numbers:
    found = trained.evaluation
    ours = network_row(found.table)
    best = next(row for row in found.table.rows if row.name == found.best_baseline)
    interval = ours.intervals["accuracy"]
    wrong = round((1 - ours.values["accuracy"]) * len(found.truth))
    return Numbers(
        [
            (
                f"Accuracy, {ours.name}",
                _per_cent(ours.values["accuracy"]),
                f"95 % bootstrap: {_per_cent(interval.lower)} to {_per_cent(interval.upper)}",
            ),
            (f"Best baseline: {best.name}", _per_cent(best.values["accuracy"]), "accuracy"),
            ("Macro F1", digits(ours.values["macro F1"]), "every class counts alike"),
            ("Wrong", f"{wrong:,}", f"of {len(found.truth):,} test items"),
        ]
    )


def _results(report: Report, trained: TrainedClassifier) -> None:
    found = trained.evaluation
    section = report.section("Results beside the baselines")
    section.add(
        result_table(
            found.table,
            "Sorted by accuracy; the best of each column in green. Of log loss and ECE less is "
            "better. Small figures: 95 % intervals by the bootstrap over test items.",
            lambda metric, value: _per_cent(value) if metric == "accuracy" else digits(value),
        ),
        Text(
            f"Paired bootstrap of the network against {found.best_baseline} on the same items: "
            f"difference in accuracy {100 * found.test.difference:+.1f} points, "
            f"{p_value(found.test.p_value)}, {found.test.count:,} items.",
            soft=True,
        ),
    )
    if found.skipped:
        section.add(Bullets([("note", f"Left out: {reason}.") for reason in found.skipped]))


def _confusions(report: Report, trained: TrainedClassifier) -> None:
    found, classes = trained.evaluation, trained.predictor.classes
    matrix = confusion_matrix(found.truth, found.probabilities.argmax(axis=1), len(classes))
    section = report.section("Which classes are confused")
    section.add(
        Figure(
            drawn(confusion_figure, matrix, classes),
            "Confusion matrix: true classes in rows, predicted classes in columns",
            "Rows are true classes, columns what the network said. The darker, the larger the share "
            "of the row.",
        )
    )
    rows = [
        Row(
            [
                score.name,
                _or_none(score.precision),
                _or_none(score.recall),
                _or_none(score.f1),
                f"{score.support:,}",
            ]
        )
        for score in found.scores
    ]
    table = ReportTable(["Class", "Precision", "Recall", "F1", "Test items"], rows)
    section.add(table if len(rows) <= 12 else Folded("Precision and recall by class", [table]))


def _confidence(report: Report, trained: TrainedClassifier) -> None:
    found = trained.evaluation
    temperature = trained.predictor.calibration.temperature
    change = "less sure" if temperature > 1 else "surer"
    section = report.section("How sure, and whether rightly")
    section.add(
        Figure(
            drawn(figures.reliability_figure, found),
            "Reliability diagram: accuracy by the probability of the predicted class",
            "Where the bars meet the dashed line, a probability of 0.8 is right in 80 of 100 cases. "
            "Below: how many test items have which probability.",
        ),
        Text(
            f"Expected calibration error {digits(network_row(found.table).values['ECE'])}. The "
            f"probabilities were calibrated on the validation part by one temperature, "
            f"{temperature:.2f}, which makes the network {change} than it was trained to be "
            "(Guo et al. 2017).",
            soft=True,
        ),
    )


def _early(report: Report, trained: TrainedClassifier) -> None:
    found, predictor = trained.evaluation, trained.predictor
    test = trained.plan.parts.test
    section = report.section("How early it knows")
    section.add(
        Figure(
            drawn(figures.early_figure, found),
            "Accuracy by the share of an item that has been read",
            "Each test item was cut after a part of its steps and classified as if it ended there.",
        )
    )
    for k in _examples(trained):
        ends, probabilities = predictor.prefixes(test.items[k])
        steps = predictor.steps(test.items[k])
        labels = [] if test.kind == "series" else [str(steps[end - 1]) for end in ends]
        section.add(
            Figure(
                drawn(figures.prefix_figure, ends, probabilities, predictor.classes, labels),
                f"Probabilities as item {k + 1} is read",
                f"{_where(test, k)}, truly {test.classes[test.labels[k]]}: "
                f"{shown_item(test.items[k])}",
            )
        )


def _examples(trained: TrainedClassifier) -> list[int]:
    """A few test items of usual length that the network was right about, of different classes."""
    found, test = trained.evaluation, trained.plan.parts.test
    usual = np.median(test.lengths)
    right = np.flatnonzero(found.probabilities.argmax(axis=1) == found.truth)
    order = right[np.argsort(np.abs(test.lengths[right] - usual), kind="stable")]
    _, first = np.unique(found.truth[order], return_index=True)
    return order[np.sort(first)][:_EXAMPLES].tolist()


def _hardest(report: Report, trained: TrainedClassifier) -> None:
    found, test = trained.evaluation, trained.plan.parts.test
    names = test.classes
    rows = [
        Row(
            [
                names[one.truth],
                names[one.predicted],
                f"{one.probability:.3f}",
                _where(test, one.index),
                shown_item(test.items[one.index]),
            ]
        )
        for one in top_losses(found.truth, found.probabilities, _TOP)
        if one.probability < _EASY
    ]
    if not rows:
        return
    report.section("The hardest items").add(
        ReportTable(
            ["True", "Predicted", "p of true", "Where", "Item"],
            rows,
            "The test items with the largest loss. Wrong labels are found here first.",
            text_columns=(0, 1, 3, 4),
        )
    )


def _data(report: Report, trained: TrainedClassifier) -> Section:
    made = trained.plan
    parts = made.parts
    section = report.section("Data, and how they are read")
    section.add(
        Facts(_facts(made)),
        Figure(drawn(figures.classes_figure, parts), "Training items of each class"),
    )
    if np.ptp(parts.train.lengths):
        section.add(
            Figure(
                drawn(figures.lengths_figure, parts, made.config.max_steps),
                "How long the training items are",
            )
        )
    if (findings := findings_list(made.findings)) is not None:
        section.add(findings)
    return section


def _facts(made: Any) -> list[tuple[str, str]]:
    config, train = made.config, made.parts.train
    facts = [
        ("Data", made.source_name),
        ("Training part", train.describe()),
        ("Parts", made.parts.describe()),
    ]
    if config.tokens is not None:
        case = ", in lower case" if config.lowercase else ""
        facts.append(
            ("Tokens", f"{made.encoder.width:,} {token_names(made)}{case}{pairs_of_them(made)}")
        )
    else:
        facts.append(("Channels", f"{len(train.channels)}, scaled: {config.scaling}"))
    if config.class_weights == "balanced":
        facts.append(("Class weights", "every class counts alike in training"))
    return facts


def _where(test: LabelledSet, index: int) -> str:
    """The place of an item without the folders of its file."""
    folders = f"{Path(test.files[index]).parent}/"
    return test.where(index).removeprefix(folders)


def _or_none(value: float) -> str:
    return "–" if np.isnan(value) else digits(value)


def _per_cent(value: float) -> str:
    return f"{100 * value:.1f} %"


_MEASURES = (
    "Accuracy: the share of items with the right class.",
    "Macro F1: the mean over the classes of 2 TP / (2 TP + FP + FN); a rare class counts as much as "
    "a common one.",
    "Log loss: the mean of -ln p(true class), in nats; being wrong with confidence costs most.",
    "ECE: expected calibration error, the mean distance between how sure a classifier is and how "
    "often it is right, over 15 bins of confidence (Naeini et al. 2015).",
    "Paired bootstrap: test items are drawn anew with replacement; how often the difference of the "
    "accuracies falls on the other side gives p. Below 0.05 counts as significant.",
    "Baselines learn from the same training part. Majority says the commonest class; n-grams and "
    "k-mers are weighed by tf-idf and put into logistic regression; 1-NN DTW names the class of the "
    "nearest training series under dynamic time warping; summary features are moments, quantiles and "
    f"slopes of each channel. Shares of {SHARES[0]:.0%} to 100 % read are of an item's own length.",
)
