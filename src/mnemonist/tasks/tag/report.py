"""The report of a tagger: what was found, against what, on which data, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from mnemonist.data.tags import Scheme, Sentence
from mnemonist.runs.report import (
    Bullets,
    Facts,
    Figure,
    Folded,
    Numbers,
    Report,
    ReportTable,
    Row,
    Text,
    Verdict,
)
from mnemonist.runs.report_figures import drawn
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
from mnemonist.tasks.common.text import count
from mnemonist.tasks.tag.encoding import Kind
from mnemonist.tasks.tag.job import TrainedTagger
from mnemonist.tasks.tag.score import DECIDES, type_of
from mnemonist.tasks.tag.text import network_sentence, unit

__all__ = ["build_report"]

_HARDEST, _CONFUSED, _TYPES, _LONG = 20, 12, 25, 60


def build_report(trained: TrainedTagger) -> Report:
    """The report, section by section."""
    made, found = trained.plan, trained.evaluation
    report = Report(
        f"{count(len(made.tagset.tags), 'tag')} of {Path(made.source_name).name}",
        kind=f"Tagging · {network_row(found.table).name}",
        footer=FOOTER,
    )
    report.top(Verdict(found.verdict, _basis(trained), found.tone), _numbers(trained))
    _results(report, trained)
    _types(report, trained)
    _confusions(report, trained)
    _hardest(report, trained)
    _data(report, trained)
    training_section(report, trained, network=network_sentence(made), rows="sentences")
    again_section(report, trained, measures=_measures(made.tagset.kind))
    return report


def _basis(trained: TrainedTagger) -> str:
    test = trained.plan.parts.test
    tokens = count(sum(map(len, test)), unit(trained.plan))
    return (
        f"Measured on the test part, {count(len(test), 'sentence')} of {tokens} that neither the "
        "network nor a baseline has seen in training."
    )


def _numbers(trained: TrainedTagger) -> Numbers:
    found, kind = trained.evaluation, trained.plan.tagset.kind
    ours, decides = network_row(found.table), DECIDES[kind]
    best = next(row for row in found.table.rows if row.name == found.best_baseline)
    interval = ours.intervals[decides]
    items = [
        (
            f"{decides}, {ours.name}",
            _per_cent(ours.values[decides]),
            f"95 % bootstrap: {_per_cent(interval.lower)} to {_per_cent(interval.upper)}",
        ),
        (f"Best baseline: {best.name}", _per_cent(best.values[decides]), decides),
    ]
    items += [
        (name[0].upper() + name[1:], _per_cent(value), "")
        for name, value in ours.values.items()
        if name != decides
    ]
    return Numbers(items[:4])


def _results(report: Report, trained: TrainedTagger) -> None:
    found = trained.evaluation
    decides = DECIDES[trained.plan.tagset.kind]
    report.section("Results beside the baselines").add(
        result_table(
            found.table,
            f"Sorted by {decides}; the best of each column in green. Small figures: 95 % intervals "
            "by the bootstrap over test sentences.",
            lambda metric, value: _per_cent(value),
        ),
        Text(
            f"Paired bootstrap of the network against {found.best_baseline} on the same sentences: "
            f"difference in {decides} {100 * found.test.difference:+.2f} points, "
            f"{p_value(found.test.p_value)}, {found.test.count:,} sentences.",
            soft=True,
        ),
    )


def _types(report: Report, trained: TrainedTagger) -> None:
    found = trained.evaluation
    what = {"tokens": "tag", "words": "part of speech", "spans": "type"}[trained.plan.tagset.kind]
    order = sorted(found.scores.types.items(), key=lambda item: (-item[1].gold, item[0]))
    rows = [
        Row([name, *map(_per_cent, (one.precision, one.recall, one.f1)), f"{one.gold:,}"])
        for name, one in order
    ]
    columns = [what.capitalize(), "Precision", "Recall", "F1", "In the test part"]
    section = report.section(f"Each {what}")
    section.add(ReportTable(columns, rows[:_TYPES], _COUNTED[trained.plan.tagset.kind]))
    if rows[_TYPES:]:
        more = ReportTable(columns, rows[_TYPES:])
        section.add(Folded(f"{count(len(rows) - _TYPES, 'rarer one')}", [more]))


def _confusions(report: Report, trained: TrainedTagger) -> None:
    confusions = trained.evaluation.confusions
    wrong = {pair: n for pair, n in confusions.items() if pair[0] != pair[1]}
    if not wrong:
        return
    order = sorted(wrong, key=lambda pair: (-wrong[pair], pair))
    names: list[str] = []
    for pair in order:
        new = [name for name in dict.fromkeys(pair) if name not in names]
        if len(names) + len(new) > _CONFUSED:
            break
        names += new
    matrix = np.array([[confusions[a, b] for b in names] for a in names])
    kind = unit(trained.plan)
    rows = [
        Row([true, given, f"{wrong[true, given]:,}", _example(trained, true, given)])
        for true, given in order[:10]
    ]
    report.section("Which tags are confused").add(
        Figure(
            drawn(confusion_figure, matrix, names),
            "Confusion matrix: true tags in rows, predicted tags in columns",
            f"The tags that are confused most often, counted in {kind}s. Rows are true tags, columns "
            "what the network said. The darker, the larger the share of the row.",
        ),
        ReportTable(
            ["True", "Predicted", f"{kind}s".capitalize(), "For example"],
            rows,
            text_columns=(0, 1, 3),
        ),
    )


def _example(trained: TrainedTagger, true: str, given: str) -> str:
    """The first place in the test part with this confusion, with a little around it."""
    scheme = trained.plan.tagset.scheme
    for one, tags in zip(trained.plan.parts.test, trained.evaluation.tags, strict=True):
        for k, (a, b) in enumerate(zip(one.tags, tags, strict=True)):
            if type_of(a, scheme) == true and type_of(b, scheme) == given:
                space = "" if all(len(token) == 1 for token in one.tokens) else " "
                before = space.join(one.tokens[max(0, k - 6) : k])
                behind = space.join(one.tokens[k + 1 : k + 7])
                return space.join([before, f"[{one.tokens[k]}]", behind]).strip()
    return ""


def _hardest(report: Report, trained: TrainedTagger) -> None:
    found, test = trained.evaluation, trained.plan.parts.test
    order = np.argsort(-np.nan_to_num(found.surprise, nan=-1.0), kind="stable")[:_HARDEST]
    items: list[tuple[Literal["", "note", "warning", "fatal"], str]] = []
    for k in order.tolist():
        one, tags = test[k], found.tags[k]
        wrong = sum(a != b for a, b in zip(one.tags, tags, strict=True))
        where = f"Line {one.line:,}" if one.line else f"Sentence {k + 1:,}"
        told = f"{where}, {wrong} of {len(one)} wrong, -ln p = {found.surprise[k]:.1f}"
        items.append(("", f"{told}: {_marked(one, tags, trained.plan.tagset.scheme)}"))
    report.section("The most surprising sentences").add(
        Text(
            "The test sentences whose true tags the network held least likely, cut to where the "
            "errors begin. In brackets: what is tagged wrong, its true tag, then the network's. "
            "Wrong tags in the data are found here first.",
            soft=True,
        ),
        Bullets(items),
    )


def _marked(one: Sentence, tags: list[str], scheme: Scheme) -> str:
    """The tokens, wrong ones as [tokens: true → given], from near the first of them."""
    space = "" if all(len(token) == 1 for token in one.tokens) else " "
    wrong = [k for k, (a, b) in enumerate(zip(one.tags, tags, strict=True)) if a != b]
    start = max(0, wrong[0] - 8) if wrong else 0
    end = min(start + _LONG, len(one))
    pieces: list[tuple[str, list[str]]] = []  # what is wrong, or "", and the tokens
    for token, true, given in zip(one.tokens[start:end], one.tags[start:end], tags[start:end]):
        error = "" if true == given else _error(true, given, scheme)
        if not pieces or error != pieces[-1][0] or (error and _begins(true, given, scheme)):
            pieces.append((error, []))
        pieces[-1][1].append(token)
    shown = [
        f"[{space.join(tokens)}: {error}]" if error else space.join(tokens)
        for error, tokens in pieces
    ]
    return f"{'…' if start else ''}{space.join(shown)}{'…' if end < len(one) else ''}"


def _error(true: str, given: str, scheme: Scheme) -> str:
    """What is wrong: the types, or the tags where only the places in an entity differ."""
    types = type_of(true, scheme), type_of(given, scheme)
    return " → ".join(types if types[0] != types[1] else (true, given))


def _begins(true: str, given: str, scheme: Scheme) -> bool:
    """Whether a token may not stand in brackets with the one before."""
    return scheme == "raw" or "B-" in (true[:2], given[:2]) or "S-" in (true[:2], given[:2])


def _data(report: Report, trained: TrainedTagger) -> None:
    made = trained.plan
    section = report.section("Data, and how they are read")
    facts = [
        ("Data", made.source_name),
        ("Training part", made.parts.train.describe()),
        ("Parts", made.parts.describe()),
        ("Tags", f"{made.tagset.scheme}: {_SAYS[made.tagset.kind]}"),
        ("Tokens", f"{len(made.encoder.tokens):,} have vectors of their own"),
    ]
    if made.encoder.pairs is not None:
        facts.append(("Pairs", f"{len(made.encoder.pairs):,} of neighbouring tokens"))
    if made.encoder.characters is not None:
        facts.append(("Spelling", f"of {len(made.encoder.characters):,} characters"))
    section.add(Facts(facts))
    if (findings := findings_list(made.findings)) is not None:
        section.add(findings)


def _per_cent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.2f} %"


_SAYS: dict[Kind, str] = {
    "tokens": "one for each token",
    "words": "where words begin and end, and what each is",
    "spans": "which tokens are an entity, and of which type",
}
_COUNTED: dict[Kind, str] = {
    "tokens": "Counted in tokens.",
    "words": "Counted in words: a word is right where both its ends and its part of speech are.",
    "spans": "Counted in entities, as conlleval does: one is right where both ends and the type are.",
}
_ALL = (
    "Paired bootstrap: test sentences are drawn anew with replacement; how often the difference "
    "falls on the other side gives p. Below 0.05 counts as significant.",
    "Most frequent tag: the one that a token most often has in training; a token that training "
    "lacks gets the most frequent tag of tokens that occur once (Baayen & Sproat 1996).",
    "Windowed perceptron: an averaged perceptron (Collins 2002) on the token, two on each side, "
    "pairs of them, and of words the first and last letters; each tag on its own.",
)


def _measures(kind: Kind) -> list[str]:
    own = {
        "tokens": [
            "Accuracy: the share of tokens with the right tag, punctuation included.",
            "Unseen tokens: the same for tokens that training lacks.",
            "Whole sentences: the share of sentences whose tags are all right.",
        ],
        "words": [
            "Word+tag F1: the harmonic mean of precision and recall of words, where a word counts "
            "as found if its beginning, its end and its tag are right; punctuation included.",
            "Word F1: the same without the tag: where words end.",
            "Tag accuracy: the share of characters whose word has the right tag, whether its ends "
            "are right or not; punctuation included.",
            "Unseen words: of the words that training lacks, the share found with its tag.",
        ],
        "spans": [
            "F1: the harmonic mean of precision and recall over all types; an entity counts as "
            "found if its first and last token and its type are right (conlleval).",
            "Accuracy: the share of tokens with the right tag, those outside every entity included.",
        ],
    }[kind]
    return [*own, *_ALL]
