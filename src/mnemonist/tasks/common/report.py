"""Parts of a report that every job has: results, findings, training, how to do it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from typing import Any, Literal

import numpy as np

from mnemonist import __version__
from mnemonist.data.findings import Finding
from mnemonist.engine import EXECUTORS
from mnemonist.evaluation.results import ResultTable
from mnemonist.evaluation.results import Row as ResultRow
from mnemonist.runs.report import (
    Bullets,
    Cell,
    Code,
    Facts,
    Figure,
    Folded,
    Report,
    ReportTable,
    Row,
    Section,
    Text,
)
from mnemonist.runs.report_figures import drawn
from mnemonist.tasks.common.figures import learning_figure
from mnemonist.tasks.common.flow import Trained
from mnemonist.tasks.common.text import command, digits

__all__ = [
    "FOOTER",
    "again_section",
    "findings_list",
    "network_row",
    "p_value",
    "result_table",
    "training_section",
]

FOOTER = f"Written by mnemonist {__version__}. This file needs no network and no script."


def result_table(
    table: ResultTable,
    caption: str = "",
    shown: Callable[[str, float], str] | None = None,
) -> ReportTable:
    """A table of results as a report shows it: the network set off, the best of each column.

    Args:
        table: the results.
        caption: below it.
        shown: how a metric's value is written; three digits when None.
    """
    write = shown or _digits
    rows = []
    best = {metric: table.best(metric) for metric in table.metrics}
    for row in table.rows:
        cells: list[Cell | str] = [Cell(row.name, row.note)]
        for metric in table.metrics:
            remark = ""
            if (interval := row.intervals.get(metric)) is not None:
                low, high = (write(metric, end) for end in (interval.lower, interval.upper))
                high = high.replace(" %", "\N{NO-BREAK SPACE}%")
                remark = f"{low.removesuffix(' %')}\N{NO-BREAK SPACE}– {high}"
            value = row.values.get(metric, float("nan"))
            text = "–" if not np.isfinite(value) else write(metric, value)
            cells.append(Cell(text, remark, best=best[metric] is row))
        rows.append(Row(cells, ours=row.kind == "network"))
    headings = [metric.replace("% interval", "\N{NO-BREAK SPACE}%") for metric in table.metrics]
    return ReportTable(["", *headings], rows, caption)


def network_row(table: ResultTable) -> ResultRow:
    """The network's results."""
    return next(row for row in table.rows if row.kind == "network")


def p_value(value: float) -> str:
    """A p-value as it is written.

    >>> p_value(0.0123), p_value(1e-9)
    ('p = 0.012', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def findings_list(findings: Sequence[Finding]) -> Bullets | None:
    """What the check found, warnings first; None where it found nothing."""
    ordered = sorted(findings, key=lambda finding: finding.severity == "note")
    if not ordered:
        return None
    lines = [("" if f.severity == "note" else f.severity, _finding(f)) for f in ordered]
    return Bullets(lines)


def training_section(
    report: Report, trained: Trained[Any, Any], *, network: str, rows: str
) -> Section:
    """The section on the training: the loss by epoch, the network, the executor.

    Args:
        report: gets the section.
        trained: what it tells of.
        network: the network in words.
        rows: what the training counts: "windows", "sentences".
    """
    history, made = trained.history, trained.plan
    section = report.section("Training")
    early = ", stopped early" if history.stopped_early else ""
    speed = max((record.rows_per_second for record in history), default=0.0)
    executor = made.explanation.executor
    section.add(
        Figure(drawn(learning_figure, history), "Training and validation loss by epoch"),
        Facts(
            [
                ("Network", network),
                ("Parameters", f"{made.parameters:,}"),
                ("Executor", f"{executor}: {EXECUTORS[executor].summary}"),
                ("Epochs", f"{history.epochs}{early}; weights of epoch {history.best_epoch} kept"),
                ("Time", f"{history.seconds:.1f} s, up to {speed:,.0f} {rows} a second"),
                ("Seed", str(made.config.training.seed)),
            ]
        ),
    )
    if made.explanation.passed_over:
        reasons = made.explanation.passed_over.items()
        listed = Bullets([("", f"not {name}: {why}") for name, why in reasons])
        section.add(Folded("Why not another executor", [listed]))
    return section


def again_section(
    report: Report,
    trained: Trained[Any, Any],
    *,
    measures: Iterable[str],
    words: Iterable[str] = (),
) -> Section:
    """The section on how to do it again: commands, versions, configuration, what words mean.

    Args:
        report: gets the section.
        trained: what it tells of.
        measures: what each measure means.
        words: what the words about the network mean.
    """
    made = trained.plan
    path = trained.run.path if trained.run else None
    config = made.config.model_dump(mode="json")
    section = report.section("Again, and further")
    section.add(
        Text("The same run again, to the same numbers on the same kind of machine:"),
        Code(command(made.job, made.source_words(), made.config, path)),
        Text("Next:"),
        Code("\n".join(made.next_commands(path))),
        Facts(_versions()),
        Folded("The whole configuration", [Code(json.dumps(config, indent=2, ensure_ascii=False))]),
        Folded("What the measures mean", [_plain_list(measures)]),
    )
    if lines := list(words):
        section.add(Folded("What the words about the network mean", [_plain_list(lines)]))
    return section


def _plain_list(lines: Iterable[str]) -> Bullets:
    plain: list[tuple[Literal["", "note", "warning", "fatal"], str]] = [("", t) for t in lines]
    return Bullets(plain)


def _digits(metric: str, value: float) -> str:
    return digits(value)


def _finding(finding: Finding) -> str:
    where = f"line {finding.line}: " if finding.line else ""
    remedy = f" ({finding.remedy})" if finding.remedy else ""
    return f"{where}{finding.message}{remedy}"


def _versions() -> list[tuple[str, str]]:
    names = ("torch", "numpy", "pandas", "scikit-learn")
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return [
        ("Versions", f"mnemonist {__version__}, Python {platform.python_version()}, {libraries}"),
        ("Machine", f"{platform.system()} {platform.machine()}"),
    ]
