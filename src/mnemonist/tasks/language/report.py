"""The report of a language model: against what, on which text, where it is surprised, what it writes."""

from __future__ import annotations

from pathlib import Path

from mnemonist.decoding.sampling import Sampler
from mnemonist.runs.report import (
    Bullets,
    Code,
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
from mnemonist.tasks.common.text import digits
from mnemonist.tasks.language import figures
from mnemonist.tasks.language.copied import longest_copy
from mnemonist.tasks.language.job import TrainedLanguage
from mnemonist.tasks.language.score import BITS
from mnemonist.tasks.language.tables import by_frequency, by_position, most_surprising
from mnemonist.tasks.language.text import counted, network_sentence, of_tokens

__all__ = ["build_report"]

_TEMPERATURES = (0.5, 0.8, 1.0)
_SHOWN = 160  # characters of a line


def build_report(trained: TrainedLanguage) -> Report:
    """The report, section by section."""
    made, found = trained.plan, trained.evaluation
    name = Path(made.source_name).name
    report = Report(
        f"{name}, by {of_tokens(made)}",
        kind=f"Language model · {network_row(found.table).name}",
        footer=FOOTER,
    )
    report.top(Verdict(found.verdict, _basis(trained), found.tone), _numbers(trained))
    _results(report, trained)
    _samples(report, trained)
    _surprise(report, trained)
    _data(report, trained)
    training_section(report, trained, network=network_sentence(made), rows=_rows(trained))
    again_section(report, trained, measures=(found.convention, *_MEASURES))
    return report


def _rows(trained: TrainedLanguage) -> str:
    streams = trained.plan.config.mode == "streams"
    return f"pieces of {trained.plan.config.steps} tokens" if streams else "sentences"


def _basis(trained: TrainedLanguage) -> str:
    said = trained.evaluation.part.statistics()
    return (
        "Measured on the test part, the end of the text, which neither the network nor a baseline "
        f"has seen: {said.sentences:,} lines, {said.tokens:,} tokens, {said.characters:,} "
        "characters."
    )


def _numbers(trained: TrainedLanguage) -> Numbers:
    found = trained.evaluation
    ours = network_row(found.table)
    best = next(row for row in found.table.rows if row.name == found.best_baseline)
    interval = ours.intervals[BITS]
    said = found.part.statistics()
    return Numbers(
        [
            (
                f"Bits per character, {ours.name}",
                digits(ours.values[BITS]),
                f"95 % bootstrap: {digits(interval.lower)} to {digits(interval.upper)}",
            ),
            (f"Best baseline: {best.name}", digits(best.values[BITS]), "bits per character"),
            ("Perplexity", digits(ours.values["perplexity"]), "of a token, line ends included"),
            ("Unknown tokens", f"{100 * said.unknown_rate:.2g} %", "of the test part"),
        ]
    )


def _results(report: Report, trained: TrainedLanguage) -> None:
    found = trained.evaluation
    section = report.section("Results beside the baselines")
    section.add(
        result_table(
            found.table,
            "Sorted by bits per character; the best of each column in green. Small figures: 95 % "
            f"intervals by the bootstrap over {found.unit}. Baselines see the same tokens.",
        ),
        Text(
            f"Paired bootstrap of the network against {found.best_baseline}: "
            f"{p_value(found.test.p_value)}, over {found.test.count:,} {found.unit}.",
            soft=True,
        ),
        Text(found.convention, soft=True),
    )
    if found.notes:
        section.add(Bullets([("note", f"{note}.") for note in found.notes]))


def _samples(report: Report, trained: TrainedLanguage) -> None:
    section = report.section("What it writes")
    predictor, made = trained.predictor, trained.plan
    parts = made.resolved.parts
    characters = made.config.text.tokens == "characters"
    unk = predictor.vocabulary.unk
    for temperature in _TEMPERATURES:
        sampler = Sampler(temperature=temperature, banned=() if unk is None else (unk,))
        alone = made.config.mode == "sentences"
        ids = list(
            predictor.sample(
                sampler=sampler,
                seed=made.config.training.seed,
                length=400 if characters else 100,
                lines=8 if alone else None,
            )
        )
        section.add(
            Text(f"Temperature {temperature:g}:"),
            Code(predictor.text(ids).strip("\n")),
            Text(longest_copy(ids, parts.train, predictor).sentence(), soft=True),
        )


def _surprise(report: Report, trained: TrainedLanguage) -> None:
    found = trained.evaluation
    section = report.section("Where it is surprised")
    place = by_position(found)
    if len(place.places) > 1:
        section.add(
            Figure(
                drawn(figures.position_figure, place),
                "Mean surprisal by the place of the token in its line",
                "What comes first is hardest to say; what the network has read helps it later.",
            )
        )
    frequency = by_frequency(found, trained.plan.resolved.parts.train.counts())
    if len(frequency.places):
        section.add(
            Figure(
                drawn(figures.frequency_figure, frequency),
                "Mean surprisal by how often the training part has the token",
                "A token that training seldom has is usually dearer, for any model.",
            )
        )
    lines = most_surprising(found)
    section.add(
        ReportTable(
            ["Line", "Bits a token", found.best_baseline, "Text"],
            [
                Row([f"{number:,}", digits(ours), digits(theirs), _short(text)])
                for number, ours, theirs, text in lines
            ],
            "The lines of the test part, of five tokens or more, with the most bits a token: other "
            "languages, names, headings and errors of the text stand here.",
            text_columns=(3,),
        )
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _data(report: Report, trained: TrainedLanguage) -> None:
    made = trained.plan
    parts, corpus = made.resolved.parts, made.resolved.corpus
    section = report.section("Text")
    section.add(
        Facts(
            [
                ("File", Path(made.source_name).name),
                ("Tokens", f"{of_tokens(made)}, {len(corpus.vocabulary):,} types"),
                ("Training", counted(parts.train)),
                ("Validation", counted(parts.valid)),
                ("Test", counted(parts.test)),
            ]
        ),
        Text(
            "Cut in the order of the text, never shuffled: the network learns on the first part, "
            "stops on the second, and is judged on the third.",
            soft=True,
        ),
    )
    if (findings := findings_list(made.findings)) is not None:
        section.add(findings)


_MEASURES = (
    "A bit is what an even yes-or-no question tells; -log2 of its probability is the surprisal of "
    "a token. The loss of the training curve is the mean surprisal of a token in nats, 0.693 to a "
    "bit.",
    "Kneser-Ney: interpolated modified Kneser-Ney n-grams (Chen & Goodman 1999), counted on the "
    "same training tokens with the same vocabulary. Unigram: each token's frequency, one added.",
    "Paired bootstrap: pieces of the test part are drawn again and again, and the network and the "
    "baseline compared on each draw (Koehn 2004). A p below 0.05 counts as significant.",
    "Longest copied span: the longest run of generated tokens that stands in the training part; a "
    "long one is memory and not invention.",
)
