"""What the commands of all jobs share: their options, and what they print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter
from pydantic import BaseModel

from mnemonist.cli.options import given
from mnemonist.cli.output import Output
from mnemonist.tasks.common.config import configured, nested, read_config

if TYPE_CHECKING:
    from mnemonist.data.findings import Finding
    from mnemonist.evaluation.results import ResultTable
    from mnemonist.tasks.common.config import NetworkConfig
    from mnemonist.tasks.common.flow import Evaluation, Plan, Trained

__all__ = [
    "File",
    "announce",
    "conclude",
    "config_of",
    "report_findings",
    "show_comparison",
    "show_evaluation",
    "show_training",
]

C = TypeVar("C", bound=BaseModel)

File = Annotated[Path | None, Parameter(name="--config")]


def config_of(model: type[C], path: Path | None, options: BaseModel | None) -> C:
    """The configuration of the file and, over it, of the command line."""
    written = read_config(path) if path is not None else {}
    chosen = nested(model, given(options)) if options is not None else {}
    return configured(model, chosen, written)


def report_findings(source: str, found: Sequence[Finding], output: Output) -> int:
    """Print what a check found; the exit status."""
    fatal = sum(finding.severity == "fatal" for finding in found)
    output.data({"file": source, "fatal": fatal, "findings": [one.to_dict() for one in found]})
    for finding in found:
        text = f"{finding.message}" if finding.severity == "note" else str(finding)
        output.line(f"{finding.severity:8} {text}")
    output.line(
        f"{fatal} finding{'s' if fatal > 1 else ''} must be mended before training"
        if fatal
        else "Nothing stands against training"
    )
    return 2 if fatal else 0


def show_training(
    made: Plan[Any, Any], output: Output, *, run: Path | None, overwrite: bool
) -> None:
    """Say what will be done, carry it out in a run folder, and say what came of it."""
    from mnemonist.tasks.common.flow import carry_out

    announce(made, output)
    trained = carry_out(made, run=run, overwrite=overwrite, progress=output.progress())
    conclude(trained, output)


def show_evaluation(
    run: Path, source: str, found: Evaluation, output: Output, *, more: Sequence[str] = ()
) -> None:
    """What was measured: the table, more lines beneath it, the verdict."""
    output.data({"run": str(run), "source": source, **found.to_dict()})
    output.table(found.table)
    for line in more:
        output.line(line)
    output.line(found.verdict)


def announce(made: Plan[Any, Any], output: Output) -> None:
    """What will be done, before it is done: choices, warnings, the executor."""
    for name, value in made.header():
        output.line(f"{name:11}{value}")
    for finding in made.findings:
        if finding.severity == "warning":
            output.line(f"{'warning':11}{finding}")
    output.line("")


def conclude(
    trained: Trained[Any, Any],
    output: Output,
    *,
    table: ResultTable | None = None,
    following: Sequence[str] = (),
) -> None:
    """The table, the verdict, where the report is, and what to do next.

    Args:
        trained: with a run folder.
        output: where to.
        table: shown in place of the evaluation's.
        following: commands shown in place of the plan's.
    """
    found, made, run = trained.evaluation, trained.plan, trained.run
    assert run is not None
    after = list(following) or made.next_commands(run.path)
    shown = table or found.table
    output.data(
        {
            "run": str(run.path),
            "report": str(trained.report_path),
            "executor": made.explanation.executor,
            "parameters": made.parameters,
            "epochs": trained.history.epochs,
            "seconds": trained.history.seconds,
            "config": made.config.model_dump(mode="json"),
            **found.to_dict(),
            "table": shown.to_dict(),
            "next": after,
        }
    )
    output.table(shown)
    output.line("")
    output.line(found.verdict)
    output.line("")
    output.line(f"report     {trained.report_path}")
    output.line(f"next       {after[0]}")
    for command in after[1:]:
        output.line(f"           {command}")


def show_comparison(
    job: str,
    planned: Callable[[Any], Plan[Any, Any]],
    config: NetworkConfig,
    output: Output,
    *,
    cells: list[str] | None,
    hidden_sizes: list[int] | None,
    **asked: Any,
) -> None:
    """Compare cells, sizes and seeds in a folder, and print what was found.

    Args:
        job: its name.
        planned: the plan of a configuration.
        config: of everything but cells, sizes and seeds.
        output: where to.
        cells: lstm, gru and elman by default.
        hidden_sizes: that of `config` by default.
        asked: further arguments of `compare_into`.
    """
    from mnemonist.tasks.common.compare import compare_into

    found, path = compare_into(
        job,
        planned,
        config,
        cells=cells or ["lstm", "gru", "elman"],
        hidden_sizes=hidden_sizes or (),
        progress=output.progress(),
        **asked,
    )
    output.data({**found, "run": str(path.parent), "report": str(path)})
    output.stored_table(found["table"])
    output.line(found["verdict"])
    output.line(f"report     {path}")
