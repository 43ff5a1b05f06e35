"""``mnemonist check | train | eval | score | rerank | sample | compare language``."""

from __future__ import annotations

import sys
from itertools import tee
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
from mnemonist.tasks.language.config import LanguageConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check", "compare", "evaluate", "rerank", "sample", "score", "train"]

DEFAULTS = LanguageConfig()
Options = flags(
    "Options",
    {"Text": DEFAULTS.text, "Network": DEFAULTS, "Training": DEFAULTS.training},
    leave_out={"format", "job", "text", "training"},
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
    """Look a text over: encoding, control characters, repeated and very long lines, unknown tokens.

    Args:
        source: a text file, or a folder of .txt files.
        config: a TOML file with options; those on the command line go over it.
        json: print the findings as one JSON object.
    """
    from mnemonist.tasks.language.plan import check as look

    found = look(source, config_of(LanguageConfig, config, options))
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
    """Train a language model on a text, measure it beside n-grams, write the report.

    Only the text is needed. The same command goes on with a training that was interrupted,
    and prints the report of one that is finished.

    Args:
        source: a text file, or a folder of .txt files.
        run: the run folder; runs/ and a name from file, cell and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the run folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.language.plan import plan

    made = plan(source, config_of(LanguageConfig, config, options))
    show_training(made, Output(json), run=run, overwrite=overwrite)


def evaluate(
    run: Path,
    source: str | None = None,
    /,
    *,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Measure a language model beside n-grams, on its test part or on all of another text.

    Args:
        run: the run folder.
        source: another text; by default the test part of the one it was trained on.
        cell: module:Class of your own cell, where it has no program.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.language.saved import evaluate_on, opened

    output = Output(json)
    made, predictor = opened(run, cell=cell)
    if source is None:
        found = made.evaluation_of(predictor)
    else:
        found = evaluate_on(made, predictor, source)
    show_evaluation(run, source or made.source_name, found, output)
    said = found.part.statistics()
    output.line(f"{said.tokens:,} tokens, {100 * said.unknown_rate:.2g} % unknown")
    output.line(found.convention)


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
        source: a text file, or a folder of .txt files.
        cells: the cells, by name or module:Class; lstm, gru and elman by default.
        hidden_sizes: their sizes; that of the configuration by default.
        seeds: how many seeds each.
        run: the folder of the report; runs/ and a name from file and options by default.
        config: a TOML file with options; those on the command line go over it.
        overwrite: throw away what the folder holds.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.language.plan import plan

    show_comparison(
        "language",
        lambda asked: plan(source, asked),
        config_of(LanguageConfig, config, options),
        Output(json),
        cells=cells,
        hidden_sizes=hidden_sizes,
        seeds=seeds,
        run=run,
        overwrite=overwrite,
    )


def score(
    run: Path,
    source: str,
    /,
    *,
    tokens: bool = False,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """How probable sentences are: bits of each line, bits a token, perplexity, unknown tokens.

    Args:
        run: the run folder.
        source: a text file, one sentence a line.
        tokens: show the bits of every token, too.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.data.text import read_lines
    from mnemonist.tasks.common.saved import run_of
    from mnemonist.tasks.language.predictor import load_predictor

    output = Output(json)
    predictor = load_predictor(run_of(run, "language"), cell=cell)
    lines = list(read_lines(source, max_line=predictor.config.text.max_line))
    found = predictor.score([text for _, text in lines])
    output.data({"run": str(run), "source": source, "lines": [one.to_dict() for one in found]})
    output.line("line\tbits\tbits_per_token\tperplexity\tunknown\ttext")
    for (number, text), one in zip(lines, found, strict=True):
        output.line(
            f"{number}\t{one.bits:.2f}\t{one.bits / len(one.tokens):.3f}\t{one.perplexity:.2f}\t"
            f"{one.unknown}\t{text}"
        )
        if tokens:
            for token, bits in zip(one.tokens, one.surprisal, strict=True):
                output.line(f"\t{bits:.2f}\t{token}")


def rerank(
    run: Path,
    source: str,
    /,
    *,
    dev: str | None = None,
    weight: float | None = None,
    out: Path | None = None,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Put n-best lists in a new order, by score + weight · ln p(text).

    Args:
        run: the run folder.
        source: the lists: TSV with the columns id, score and text, or JSONL with such keys.
        dev: lists with the column reference, too, by which the weight is tuned.
        weight: of the language model, where it is not tuned.
        out: write all hypotheses in their new order as TSV instead of printing the first ones.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.errors import ConfigError
    from mnemonist.tasks.common.saved import run_of
    from mnemonist.tasks.language.predictor import load_predictor
    from mnemonist.tasks.language.rerank import error_rate, read_lists, tune_weight
    from mnemonist.tasks.language.rerank import rerank as order

    if (dev is None) == (weight is None):
        raise ConfigError("rerank needs --weight, or --dev FILE to tune it by; give one of them")
    output = Output(json)
    predictor = load_predictor(run_of(run, "language"), cell=cell)
    said = []
    rates: dict[float, float] = {}
    if dev is not None:
        weight, rates = tune_weight(predictor, read_lists(dev))
        said.append(
            f"weight {weight:.3g}, tuned on {dev}: {100 * rates[weight]:.2f} % of the characters "
            f"wrong, {100 * rates[0.0]:.2f} % without the language model"
        )
    assert weight is not None
    lists = read_lists(source)
    found = order(predictor, lists, weight)
    wrong = error_rate([one.ranked[0] for one in found])
    before = error_rate([max(one, key=lambda hypothesis: hypothesis.score) for one in lists])
    if wrong is not None and before is not None:
        said.append(
            f"{source}: {100 * wrong:.2f} % of the characters wrong, {100 * before:.2f} % without"
        )
    rows = [
        (one.key, rank, total, log_prob, hypothesis.text)
        for one in found
        for rank, (hypothesis, total, log_prob) in enumerate(
            zip(one.ranked, one.totals, one.log_probs, strict=True), 1
        )
    ]
    names = ("id", "rank", "total", "log_prob", "text")
    output.data(
        {
            "run": str(run),
            "source": source,
            "weight": weight,
            "error_rate": wrong,
            "error_rate_without": before,
            "error_rate_by_weight": {f"{one:.6g}": rate for one, rate in rates.items()},
            "hypotheses": [dict(zip(names, row, strict=True)) for row in rows],
        }
    )
    if said and not json:
        print("\n".join(said), file=sys.stderr)
    if out is None:
        for key, rank, _, _, text in rows:
            if rank == 1:
                output.line(f"{key}\t{text}")
        return
    from mnemonist.runs.files import write_atomically

    lines = ["\t".join(names), *(f"{k}\t{r}\t{t:.4f}\t{p:.4f}\t{x}" for k, r, t, p, x in rows)]
    write_atomically(out, ("\n".join(lines) + "\n").encode())
    output.line(f"{len(rows)} hypotheses of {len(found)} lists written to {out}")


def sample(
    run: Path,
    /,
    *,
    prompt: str = "",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    length: int = 500,
    lines: int | None = None,
    copied: bool = True,
    cell: str | None = None,
    json: bool = False,
) -> None:
    """Write a text token by token, as it is drawn; say on stderr what of it is copied.

    Args:
        run: the run folder.
        prompt: what the network reads first.
        temperature: below 1 the likely gets likelier; 0 takes the likeliest token.
        top_k: draw among the k likeliest tokens only.
        top_p: draw among the likeliest tokens that together have this probability.
        seed: same seed, same text.
        length: the most tokens.
        lines: stop after so many lines; by default after one where the network knows lines
            only, and at the length in streams.
        copied: look for the longest span that stands in the training text, if that is there.
        cell: module:Class of your own cell, where it has no program.
        json: print one JSON object.
    """
    from mnemonist.decoding.sampling import Sampler
    from mnemonist.errors import DataError
    from mnemonist.tasks.common.saved import run_of
    from mnemonist.tasks.language.copied import longest_copy
    from mnemonist.tasks.language.predictor import load_predictor
    from mnemonist.tasks.language.saved import planned_again

    folder = run_of(run, "language")
    predictor = load_predictor(folder, cell=cell)
    unk = predictor.vocabulary.unk
    sampler = Sampler(temperature, top_k, top_p, banned=() if unk is None else (unk,))
    drawn = predictor.sample(prompt, sampler=sampler, seed=seed, length=length, lines=lines)
    drawn, kept = tee(drawn)
    text = ""
    if not json:
        print(prompt, end="", flush=True)
    for piece in predictor.pieces(drawn, prompt):
        text += piece
        if not json:
            print(piece, end="", flush=True)
    if not json and not text.endswith("\n"):
        print()
    ids, found, reason = list(kept), None, ""
    if copied and ids:
        try:
            made = planned_again(folder, predictor, cell=cell)
            found = longest_copy(ids, made.resolved.parts.train, predictor)
        except DataError as error:
            reason = f"Whether it is copied was not looked up: {error}"
    Output(json).data(
        {
            "run": str(run),
            "prompt": prompt,
            "text": text,
            "tokens": len(ids),
            "longest_copied_span": None
            if found is None
            else {"tokens": found.length, "text": found.text, "line": found.line},
        }
    )
    if not json and (found or reason):
        print(found.sentence() if found else reason, file=sys.stderr)
