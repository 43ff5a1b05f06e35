"""``mnemonist demo``: a whole job on a series that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mnemonist.cli.jobs import announce, conclude
from mnemonist.cli.output import Output

if TYPE_CHECKING:
    from mnemonist.tasks.forecast.demos import Demo
    from mnemonist.tasks.forecast.job import ForecastPlan

__all__ = ["demo"]


def demo(
    name: str = "seasonal",
    /,
    *,
    runs: Path = Path("runs"),
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Train, measure and report on a small series, in about a minute.

    Args:
        name: seasonal (use of US refineries by week), sin, or oil (US production by week).
        runs: the folder in which the run folder is made.
        overwrite: begin anew where the demo was run before.
        json: print the results as one JSON object.
    """
    from mnemonist.tasks.forecast.demos import run_demo

    output = Output(json)

    def tell(shown: Demo, made: ForecastPlan) -> None:
        output.line(f"{shown.about}\n")
        announce(made, output)

    found = run_demo(name, runs, announce=tell, overwrite=overwrite, progress=output.progress())
    best = found.table.best("MASE", "network")
    if best is not None and len(found.trained.evaluation.table.rows) < len(found.table.rows):
        output.line(f"Best of the networks: {best.name}, MASE {best.values['MASE']:.3g}.\n")
    conclude(
        found.trained,
        output,
        table=found.table,
        following=[
            "mnemonist train forecast YOUR.csv",
            f"mnemonist predict forecast {runs / f'demo-{name}'}",
        ],
    )
