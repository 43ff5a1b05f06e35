"""Which executor runs a cell, and why not another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mnemonist.engine.contract import CellLike
from mnemonist.engine.executors import OUTSIDE_GRAPHS, choose, program_or_refusal
from mnemonist.engine.job import Job
from mnemonist.engine.native import inside
from mnemonist.engine.private import like_of
from mnemonist.engine.program import Program
from mnemonist.engine.show import describe
from mnemonist.engine.unroll import prepare
from mnemonist.errors import UnrepresentableError

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """What the engine does with a cell.

    Attributes:
        cell: the cell's class name.
        executor: the executor that runs it.
        passed_over: why those preferred to it do not, by name; beside vendor, why not native.
        program: the cell's program, or None where its step has none.
        refusal: why its step has none.
        in_graphs: what the run is inside torch.compile and torch.export, and why.
    """

    cell: str
    executor: str
    passed_over: dict[str, str]
    program: Program | None
    refusal: UnrepresentableError | None
    in_graphs: str = ""

    def __str__(self) -> str:
        lines = [f"{self.cell} runs by the executor {self.executor}"]
        lines += [f"  not {name}: {reason}" for name, reason in self.passed_over.items()]
        if self.executor == "native":
            lines.append("  second derivatives, where they are wanted, by the executor program")
        lines.append(f"  in torch.compile and torch.export: {self.in_graphs}")
        if self.program is not None:
            lines.append(describe(self.program))
        return "\n".join(lines)


def explain(
    cell: CellLike, x: Tensor | None = None, *, executor: str = "auto", **options: Any
) -> Explanation:
    """Say how `unroll(cell, x, **options)` would run, without running it.

    Args:
        cell: the cell.
        x: (T, B, I); one step of one row if not given.
        executor: as in `unroll`.
        options: as in `unroll`, those that say what is run (lengths, resets, forced, ...).
    """
    if x is None:
        assert isinstance(cell, nn.Module)
        x = like_of(cell).new_zeros(1, 1, cell.input_size)
    job = prepare(cell, x, **options)
    choice = choose(job, executor)
    program, refusal = program_or_refusal(job)
    return Explanation(
        cell=type(cell).__name__,
        executor=choice.executor.name,
        passed_over=choice.passed_over,
        program=program,
        refusal=refusal,
        in_graphs=_in_graphs(job, executor),
    )


def _in_graphs(job: Job, executor: str) -> str:
    if executor in OUTSIDE_GRAPHS:
        return f"executor {executor} is called around the graph; it cannot be exported"
    if executor == "eager":
        return "the cell's own step, T times, because executor eager was asked for"
    reason = inside.why_outside(job)
    if reason:
        return f"the cell's own step, T times: {reason}"
    return "one operator, mnemonist::run"
