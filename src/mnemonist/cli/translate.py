"""``mnemonist check | train | eval | predict | compare translate``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
from mnemonist.tasks.translate.config import TranslateConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mnemonist.tasks.translate.predictor import Translation

__all__ = ["check", "compare", "evaluate", "predict", "train"]

DEFAULTS = TranslateConfig()
Options = flags(
    "Options",
    {"Data": DEFAULTS.data, "Network": DEFAULTS, "Training": DEFAULTS.training},
    leave_out={"format", "job", "data", "training"},
)


@with_options(Options)
def check(
    source: str,
    /,
    *,
    config: File = None,
    json: bool = False,
    options: BaseModel | None = None,
) -> int:
    """Look pairs over: empty sides, repeated pairs, lengths that do not fit, unknown tokens.

    Args:
        source: a TSV, CSV, JSON or JSON lines file with both sides, or with --target-file the
            sources line by line.
        config: a TOML file with options; those on the command line go over it.
        json: print the findings as one JSON object.
    """
    from mnemonist.tasks.translate.plan import check as look

    return report_findings(
        source, look(source, config_of(TranslateConfig, config, options)), Output(json)
    )


@with_options(Options)
def train(
    source: str,
    /,
    *,
    run: Path | None = None,
    config: File = None,
    overwrite: bool = False,
    json: bool = False,
    options: BaseModel | None = None,
) -> None:
    """Train a translator on pairs of texts, measure it beside the baselines, write the report.

    Only the file is needed. The same command goes on with a training that was interrupted,
    and prints the report of one that is finished.

    Args:
        source: a TSV, CSV, JSON or JSON lines file with both sides, or with --target-file the
            sources line by line.
        run: the run folder; runs/ and a name from file, cell and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the run folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.translate.plan import plan

    made = plan(source, config_of(TranslateConfig, config, options))
    show_training(made, Output(json), run=run, overwrite=overwrite)


def evaluate(
    run: Path,
    source: str | None = None,
    /,
    *,
    target_file: str | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Measure a trained translator beside the baselines, on its test part or on another file.

    Args:
        run: the run folder.
        source: another file of pairs; by default the test part of the data it was trained on.
        target_file: where the targets of that file stand, line by line, if not in it.
        cell: module:Class of your own cell, where it has no program.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.translate.saved import opened

    made, predictor = opened(run, source, target_file=target_file, cell=cell)
    found = made.evaluation_of(predictor)
    scores = found.scores.items()
    how = [f"{name:11}{score.signature}" for name, score in scores if "|" in score.signature]
    show_evaluation(run, source or made.source_name, found, Output(json), more=how)


def predict(
    run: Path,
    source: str = "-",
    /,
    *,
    beam: int | None = None,
    nbest: int = 1,
    out: Path | None = None,
    encoding: str | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Translate the lines of a file or of standard input, line by line.

    Args:
        run: the run folder.
        source: a text file; - for standard input.
        beam: hypotheses that the search keeps; that of the training by default.
        nbest: how many translations of each line; more than one are written with the number of
            the line, their rank and their score before them, tabs between.
        out: write a file instead of printing.
        encoding: of the file; by default detected.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.tasks.common.saved import run_of
    from mnemonist.tasks.translate.predictor import load_predictor
    from mnemonist.tasks.translate.saved import translated

    output = Output(json)
    predictor = load_predictor(run_of(run, "translate"), cell=cell)
    lines = _lines(source, encoding)
    numbered = enumerate(translated(predictor, lines, beam=beam, n_best=nbest), start=1)
    if json:
        rows = [
            {"line": number, "source": text, "translations": [_said(one) for one in found]}
            for number, (text, found) in numbered
        ]
        output.data({"run": str(run), "source": source, "lines": rows})
        return
    written = (row for number, (_, found) in numbered for row in _rows(number, found, nbest))
    if out is None:
        for row in written:
            output.line(row)
        return
    from mnemonist.runs.files import write_atomically

    texts = list(written)
    write_atomically(out, "".join(f"{row}\n" for row in texts).encode())
    output.line(f"{len(texts):,} lines written to {out}")


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
        source: a file of pairs, as train takes it.
        cells: the cells, by name or module:Class; lstm, gru and elman by default.
        hidden_sizes: their sizes; that of the configuration by default.
        seeds: how many seeds each.
        run: the folder of the report; runs/ and a name from file and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.translate.plan import plan

    show_comparison(
        "translate",
        lambda asked: plan(source, asked),
        config_of(TranslateConfig, config, options),
        Output(json),
        cells=cells,
        hidden_sizes=hidden_sizes,
        seeds=seeds,
        run=run,
        overwrite=overwrite,
    )


def _lines(source: str, encoding: str | None) -> Iterator[str]:
    """The lines of a file, or of standard input."""
    if source == "-":
        for line in sys.stdin:
            yield line.rstrip("\r\n")
        return
    from mnemonist.data.text import read_lines

    for _, text in read_lines(source, encoding=encoding):
        yield text


def _said(one: Translation) -> dict[str, object]:
    return {"text": one.text, "score": round(one.score, 6), "ended": one.ended}


def _rows(number: int, found: list[Translation], nbest: int) -> Iterator[str]:
    if nbest == 1:
        yield found[0].text
        return
    for rank, one in enumerate(found, start=1):
        yield f"{number}\t{rank}\t{one.score:.4f}\t{one.text}"
