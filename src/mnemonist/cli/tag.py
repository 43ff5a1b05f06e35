"""``mnemonist check | train | eval | predict | compare tag``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from mnemonist.tasks.tag.config import TagConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check", "compare", "evaluate", "predict", "train"]

DEFAULTS = TagConfig()
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
    """Look tagged sentences over: tags out of place, mixed schemes, rare tags, copies.

    Args:
        source: CoNLL columns, word/TAG lines or JSON lines: a file, a folder or a pattern.
        config: a TOML file with options; those on the command line go over it.
        json: print the findings as one JSON object.
    """
    from mnemonist.tasks.tag.plan import check as look

    found = look(source, config_of(TagConfig, config, options))
    return report_findings(source, found, Output(json))


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
    """Train a tagger on tagged sentences, measure it beside the baselines, write the report.

    Only the file is needed. The same command goes on with a training that was interrupted,
    and prints the report of one that is finished.

    Args:
        source: CoNLL columns, word/TAG lines or JSON lines: a file, a folder or a pattern.
        run: the run folder; runs/ and a name from file, cell and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the run folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.tag.plan import plan

    made = plan(source, config_of(TagConfig, config, options))
    show_training(made, Output(json), run=run, overwrite=overwrite)


def evaluate(
    run: Path,
    source: str | None = None,
    /,
    *,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Measure a trained tagger beside the baselines, on its test part or on another file.

    Args:
        run: the run folder.
        source: other tagged sentences; by default the test part of the data it was trained on.
        cell: module:Class of your own cell, where it has no program.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.tag.saved import opened

    made, predictor = opened(run, source, cell=cell)
    found = made.evaluation_of(predictor)
    scores = found.scores.to_text()
    show_evaluation(run, made.parts.test.name, found, Output(json), more=[scores])


def predict(
    run: Path,
    source: str = "-",
    /,
    *,
    read_as: Literal["text", "columns"] = "text",
    write_as: Literal["slashed", "columns", "jsonl"] = "slashed",
    out: Path | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Tag the lines of a text, or sentences with a token a line.

    Args:
        run: the run folder.
        source: the file; - for standard input.
        read_as: text, a sentence a line; or columns, a token a line and a blank line after
            each sentence.
        write_as: slashed: word/TAG, a sentence a line. columns: a token and its tag a line.
            jsonl: a JSON object a line, each span with its offsets in the text.
        out: write a file instead of printing.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from json import loads

    from mnemonist.tasks.common.saved import run_of
    from mnemonist.tasks.tag.predictor import load_predictor
    from mnemonist.tasks.tag.saved import tagged, written

    output = Output(json)
    predictor = load_predictor(run_of(run, "tag"), cell=cell)
    sentences = tagged(predictor, None if source == "-" else source, read_as)
    if json:
        found = [loads(written(one, "jsonl", predictor.scheme)) for one in sentences]
        output.data({"run": str(run), "source": source, "sentences": found})
        return
    texts = (written(one, write_as, predictor.scheme) for one in sentences)
    if out is None:
        for text in texts:
            output.line(text)
        return
    from mnemonist.runs.files import write_atomically

    kept = list(texts)
    write_atomically(out, "".join(text + "\n" for text in kept).encode())
    output.line(f"{len(kept):,} sentences written to {out}")


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
        source: CoNLL columns, word/TAG lines or JSON lines: a file, a folder or a pattern.
        cells: the cells, by name or module:Class; lstm, gru and elman by default.
        hidden_sizes: their sizes; that of the configuration by default.
        seeds: how many seeds each.
        run: the folder of the report; runs/ and a name from file and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.tag.plan import plan

    show_comparison(
        "tag",
        lambda asked: plan(source, asked),
        config_of(TagConfig, config, options),
        Output(json),
        cells=cells,
        hidden_sizes=hidden_sizes,
        seeds=seeds,
        run=run,
        overwrite=overwrite,
    )
