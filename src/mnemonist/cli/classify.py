"""``mnemonist check | train | eval | predict | compare classify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from mnemonist.cli.jobs import (
    File,
    config_of,
    report_findings,
    show_comparison,
    show_evaluation,
    show_training,
)
from mnemonist.cli.options import flags, with_options
from mnemonist.cli.output import Output
from mnemonist.tasks.classify.config import ClassifyConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check", "compare", "evaluate", "predict", "train"]

DEFAULTS = ClassifyConfig()
Options = flags(
    "Options",
    {"Data": DEFAULTS.data, "Network": DEFAULTS, "Training": DEFAULTS.training},
    leave_out={"format", "job", "data", "training"},
)


@with_options(Options)
def check(
    source: str,
    /,
    *more: str,
    config: File = None,
    json: bool = False,
    options: BaseModel | None = None,
) -> int:
    """Look labelled data over: missing labels, one class only, duplicates, encodings, lengths.

    Args:
        source: a table with texts or series and labels, a FASTA, .ts or NumPy file, or a folder
            with a text file or a folder for each label.
        more: further text files, one for each label.
        config: a TOML file with options; those on the command line go over it.
        json: print the findings as one JSON object.
    """
    from mnemonist.tasks.classify.plan import check as look

    found = look([source, *more], config_of(ClassifyConfig, config, options))
    return report_findings(source, found, Output(json))


@with_options(Options)
def train(
    source: str,
    /,
    *more: str,
    run: Path | None = None,
    config: File = None,
    overwrite: bool = False,
    json: bool = False,
    options: BaseModel | None = None,
) -> None:
    """Train a classifier on labelled sequences, measure it beside the baselines, write the report.

    Only the file is needed. The same command goes on with a training that was interrupted,
    and prints the report of one that is finished.

    Args:
        source: a table with texts or series and labels, a FASTA, .ts or NumPy file, or a folder
            with a text file or a folder for each label.
        more: further text files, one for each label.
        run: the run folder; runs/ and a name from file, cell and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the run folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.classify.plan import plan

    made = plan([source, *more], config_of(ClassifyConfig, config, options))
    show_training(made, Output(json), run=run, overwrite=overwrite)


def evaluate(
    run: Path,
    source: str | None = None,
    /,
    *more: str,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Measure a trained classifier beside the baselines, on its test part or on another file.

    Args:
        run: the run folder.
        source: another file with labels; by default the test part of the data it was trained on.
        more: further text files, one for each label.
        cell: module:Class of your own cell, where it has no program.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.classify.saved import opened

    made, predictor = opened(run, None if source is None else [source, *more], cell=cell)
    found = made.evaluation_of(predictor)
    show_evaluation(run, made.parts.test.name, found, Output(json))


def predict(
    run: Path,
    source: str = "-",
    /,
    *,
    out: Path | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Classify the lines of a text file, or the items of any file that train takes.

    Args:
        run: the run folder.
        source: the file; - for lines from standard input.
        out: write a CSV file instead of printing.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.tasks.classify.saved import classified

    output = Output(json)
    table = classified(run, None if source == "-" else source, cell=cell)
    output.data({"run": str(run), "source": source, "items": table.to_dict("records")})
    if out is not None:
        from mnemonist.runs.files import write_atomically

        write_atomically(out, table.to_csv(index=False).encode())
        output.line(f"{len(table)} rows written to {out}")
    elif sys.stdout.isatty():
        output.line(table.to_string(index=False, float_format=lambda v: f"{v:.3f}"))
    else:
        output.line(table.to_csv(index=False).rstrip("\n"))


@with_options(Options)
def compare(
    source: str,
    /,
    *,
    cells: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    hidden_sizes: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    seeds: int = 3,
    run: Path | None = None,
    config: File = None,
    overwrite: bool = False,
    json: bool = False,
    options: BaseModel | None = None,
) -> None:
    """Train several cells at several sizes from several seeds; show what is luck.

    Args:
        source: what train takes: a table, a FASTA, .ts or NumPy file, or a folder.
        cells: the cells, by name or module:Class; lstm, gru and elman by default.
        hidden_sizes: their sizes; that of the configuration by default.
        seeds: how many seeds each.
        run: the folder of the report; runs/ and a name from file and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.classify.plan import plan

    show_comparison(
        "classify",
        lambda asked: plan([source], asked),
        config_of(ClassifyConfig, config, options),
        Output(json),
        cells=cells,
        hidden_sizes=hidden_sizes,
        seeds=seeds,
        run=run,
        overwrite=overwrite,
    )
