"""The executors, what each can run, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from mnemonist.engine.eager import run_eager
from mnemonist.engine.job import Job, Trace
from mnemonist.errors import ConfigError

__all__ = ["EXECUTORS", "Choice", "Executor", "Run", "choose"]

Run = Callable[[Job], tuple[Trace, dict[str, Tensor]]]


@dataclass(frozen=True)
class Executor:
    """A way to run a job.

    Attributes:
        name: what `executor=` takes.
        summary: one line for people.
        run: does it.
        cannot: the reason why this job is beyond it, or None.
        rather_not: the measured reason why another is faster for this job, or None; asked
            only when the choice is free.
    """

    name: str
    summary: str
    run: Run
    cannot: Callable[[Job], str | None]
    rather_not: Callable[[Job], str | None]


@dataclass(frozen=True)
class Choice:
    """The executor that runs a job, and why those before it do not."""

    executor: Executor
    passed_over: dict[str, str] = field(default_factory=dict)


def _never(job: Job) -> None:
    return None


_PREFERENCE = (
    Executor("eager", "the cell's own step in a Python loop", run_eager, _never, _never),
)
EXECUTORS = tuple(executor.name for executor in _PREFERENCE)


def choose(job: Job, name: str = "auto", *, strict: bool = False) -> Choice:
    """The first executor that can run the job and is not known to be slower, or the one named.

    Raises:
        ConfigError: no executor has that name, or it cannot run this job.
    """
    if name != "auto":
        for executor in _PREFERENCE:
            if executor.name == name:
                reason = executor.cannot(job)
                if reason is not None:
                    raise ConfigError(f"executor {name!r} cannot run this cell: {reason}")
                return Choice(executor)
        raise ConfigError(f"no executor {name!r}: there are {', '.join(EXECUTORS)}, or auto")
    passed_over: dict[str, str] = {}
    for executor in _PREFERENCE:
        reason = executor.cannot(job) or executor.rather_not(job)
        if reason is None:
            return Choice(executor, passed_over)
        passed_over[executor.name] = reason
    raise AssertionError("the eager executor runs everything")
