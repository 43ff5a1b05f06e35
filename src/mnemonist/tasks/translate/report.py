"""The report of a translator: what was found, against what, on which data, and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnemonist.runs.report import (
    Bullets,
    Facts,
    Figure,
    Numbers,
    Report,
    ReportTable,
    Row,
    Text,
    Verdict,
)
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
from mnemonist.tasks.translate import figures
from mnemonist.tasks.translate.job import TrainedTranslator
from mnemonist.tasks.translate.text import network_sentence, parts_line, tokens_lines

__all__ = ["build_report"]

_EXAMPLES, _PICTURES, _DRAWN = 15, 3, 40
_SEARCHED, _BEST = 4, 3


def build_report(trained: TrainedTranslator) -> Report:
    """The report, section by section."""
    made, found = trained.plan, trained.evaluation
    report = Report(
        f"Translations of {Path(made.source_name).name}",
        kind=f"Translation · {network_row(found.table).name}",
        footer=FOOTER,
    )
    report.top(Verdict(found.verdict, _basis(trained), found.tone), _numbers(trained))
    _results(report, trained)
    _examples(report, trained)
    _others(report, trained)
    _attention(report, trained)
    _by_length(report, trained)
    _exposure(report, trained)
    _data(report, trained)
    training_section(report, trained, network=network_sentence(made), rows="pairs")
    again_section(report, trained, measures=_MEASURES)
    return report


def _basis(trained: TrainedTranslator) -> str:
    sentences = count(len(trained.evaluation.sources), "different source")
    return (
        f"Measured on the test part, {sentences} that neither the network nor a baseline has seen "
        "in training."
    )


def _numbers(trained: TrainedTranslator) -> Numbers:
    found, measure = trained.evaluation, trained.plan.metric
    ours = network_row(found.table)
    best = next(row for row in found.table.rows if row.name == found.best_baseline)
    interval = ours.intervals[measure]
    forced, free = found.exposure.losses
    low, high = _value(measure, interval.lower), _value(measure, interval.upper)
    return Numbers(
        [
            (
                f"{measure}, {ours.name}",
                _value(measure, ours.values[measure]),
                f"95 % bootstrap: {low} to {high}",
            ),
            (f"Best baseline: {best.name}", _value(measure, best.values[measure]), measure),
            (
                "Exactly right",
                _value("exact", ours.values["exact"]),
                f"of {len(found.sources):,} test sentences",
            ),
            ("Gap of the loss", digits(free - forced), "nats per token, own words against targets"),
        ]
    )


def _results(report: Report, trained: TrainedTranslator) -> None:
    found, config = trained.evaluation, trained.plan.config
    section = report.section("Results beside the baselines")
    section.add(
        result_table(
            found.table,
            f"Sorted by {config.measure}; the best of each column in green. Small figures: 95 % "
            f"intervals by the bootstrap over test sentences. Beam search with {config.beam} "
            "hypotheses.",
            _value,
        ),
        Text(
            f"Paired bootstrap of the network against {found.best_baseline} on the same sentences: "
            f"difference in {config.measure} {found.test.difference:+.3g}, "
            f"{p_value(found.test.p_value)}, {found.test.count:,} sentences.",
            soft=True,
        ),
    )
    signatures = [(name, s.signature) for name, s in found.scores.items() if "|" in s.signature]
    if signatures:
        section.add(Text("How BLEU and chrF were made, to be given with them:"), Facts(signatures))
    else:
        section.add(
            Bullets(
                [
                    (
                        "note",
                        "BLEU and chrF are left out, as sacrebleu is not installed: "
                        "pip install 'mnemonist[text]', then mnemonist eval translate.",
                    )
                ]
            )
        )


def _examples(report: Report, trained: TrainedTranslator) -> None:
    """Test sentences at even distances: nobody has chosen them."""
    found = trained.evaluation
    chosen = _evenly(len(found.sources), _EXAMPLES)
    rows = []
    for k in chosen:
        right = found.translations[k].text in found.references[k]
        rows.append(
            Row(
                [
                    found.sources[k],
                    " / ".join(found.references[k]),
                    found.translations[k].text + (" ✓" if right else ""),
                    found.rivals[k],
                ]
            )
        )
    report.section("Translations").add(
        ReportTable(
            ["Source", "Reference", "Network", found.best_baseline],
            rows,
            "Test sentences at even distances, chosen by nobody. ✓ stands at those that are exactly "
            "a reference. All are in predictions.csv.",
            text_columns=(0, 1, 2, 3),
        )
    )


def _others(report: Report, trained: TrainedTranslator) -> None:
    """What else the search found."""
    found = trained.evaluation
    chosen = _evenly(len(found.sources), _SEARCHED)
    texts = [found.sources[k] for k in chosen]
    rows = []
    for k, hypotheses in zip(chosen, trained.predictor.translate(texts, n_best=_BEST), strict=True):
        source = found.sources[k]
        for one in hypotheses:
            right = " ✓" if one.text in found.references[k] else ""
            rows.append(Row([source, one.text + right, f"{one.score:.3g}"]))
            source = ""
    report.section("What else it found").add(
        ReportTable(
            ["Source", "Translation", "Score"],
            rows,
            f"The {_BEST} best hypotheses of {len(texts)} of these sentences, the best first. Scores "
            "near each other say that the network could as well have written another.",
            text_columns=(0, 1),
        )
    )


def _attention(report: Report, trained: TrainedTranslator) -> None:
    found, predictor = trained.evaluation, trained.predictor
    if trained.plan.config.attention == "none":
        return
    lengths = np.array([len(predictor.read(text)) for text in found.sources])
    tokens = [len(one.tokens) for one in found.translations]
    fitting = np.flatnonzero(
        (lengths >= np.median(lengths)) & (np.maximum(lengths, tokens) <= _DRAWN)
    )
    if not len(fitting):
        return
    section = report.section("What it looks at")
    for k in fitting[_evenly(len(fitting), _PICTURES)]:
        best = found.translations[k]
        section.add(
            Figure(
                drawn(
                    figures.attention_figure,
                    *predictor.attention(found.sources[k], best.tokens),
                ),
                f"Attention of “{best.text}” on “{found.sources[k]}”",
                "Source from left to right, translation from top to bottom; the darker, the more a "
                "token of the translation looked at one of the source.",
            )
        )


def _by_length(report: Report, trained: TrainedTranslator) -> None:
    found, predictor, measure = trained.evaluation, trained.predictor, trained.plan.metric
    lengths = np.array([len(predictor.read(text)) for text in found.sources])
    edges = np.unique(np.quantile(lengths, [0.2, 0.4, 0.6, 0.8], method="lower"))
    group = np.searchsorted(edges, lengths)
    named: list[tuple[str, int]] = []
    ours: list[float] = []
    rivals: list[float] = []
    rival = trained.evaluation.rival_scores[measure]
    for one in np.unique(group):
        rows = group == one
        low, high = lengths[rows].min(), lengths[rows].max()
        named.append((f"{low}" if low == high else f"{low}–{high}", int(rows.sum())))
        for score, into in ((found.scores[measure], ours), (rival, rivals)):
            sums = score.statistics[rows].sum(0, keepdims=True)
            into.append(float(score.measure(sums)[0]))
    if len(named) < 2:
        return
    names = network_row(found.table).name, found.best_baseline
    report.section("Short and long sentences").add(
        Figure(
            drawn(figures.lengths_figure, named, ours, rivals, names, measure),
            f"{measure} by the length of the source",
        )
    )


def _exposure(report: Report, trained: TrainedTranslator) -> None:
    found = trained.evaluation
    forced, free = found.exposure.losses
    schedule = trained.plan.config.training.teacher_forcing.schedule
    report.section("Reading its own words").add(
        Text(
            f"With the targets fed in, the network gives their tokens a loss of {digits(forced)} nats "
            f"each; reading the likeliest words of its own, {digits(free)}: a gap of "
            f"{digits(free - forced)}. Training had the targets fed in by the schedule "
            f"“{schedule}”; scheduled sampling (--teacher-forcing.schedule inverse_sigmoid) has the "
            "network read its own words in training already (Bengio et al. 2015)."
        ),
        Figure(
            drawn(figures.exposure_figure, found.exposure),
            "Loss at each token of the target, with the targets fed in and without",
            "A wrong word early makes the targets' later words less likely; part of the gap is that "
            "another translation was begun, which may be right too.",
        ),
    )


def _data(report: Report, trained: TrainedTranslator) -> None:
    made = trained.plan
    section = report.section("Data, and how they are read")
    unknown = [
        f"{100 * side.unknown_rate(texts):.2g} %"
        for side, texts in (
            (made.sides.source, made.parts.test.sources),
            (made.sides.target, made.parts.test.targets),
        )
    ]
    cut = dict(tokens_lines(made))
    section.add(
        Facts(
            [
                ("Data", made.source_name),
                ("Parts", parts_line(made)),
                ("Source tokens", f"{cut['source']}; {unknown[0]} of the test part unknown"),
                ("Target tokens", f"{cut['target']}; {unknown[1]} of the test part unknown"),
            ]
        )
    )
    if (findings := findings_list(made.findings)) is not None:
        section.add(findings)


def _evenly(count: int, most: int) -> list[int]:
    """At most so many places of `count`, at even distances."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist()


def _value(measure: str, value: float) -> str:
    """Shares in per cent, others with two digits behind the point."""
    return f"{100 * value:.1f} %" if measure == "exact" else f"{value:.2f}"


_MEASURES = (
    "BLEU: how many 1- to 4-grams of words are in the reference too, with a penalty for brevity; 0 "
    "to 100, over the whole test part (Papineni et al. 2002; sacrebleu, Post 2018).",
    "chrF2: the F-score of characters' 1- to 6-grams, recall counting twice; 0 to 100 (Popović 2015).",
    "Exact: the share of sentences whose translation is a reference, letter by letter.",
    "Score of a translation: its log-probability, divided by the length penalty.",
    "Paired bootstrap: test sentences are drawn anew with replacement; how often the difference "
    "falls on the other side gives p. Below 0.05 counts as significant (Koehn 2004).",
    "Baselines learn from the same training part: the source itself; the commonest target; the "
    "target of the training source that is most alike (cosine of tf-idf of character n-grams).",
)
