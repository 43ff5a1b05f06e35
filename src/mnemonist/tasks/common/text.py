"""Words and numbers that reports and command lines of all jobs share."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.tasks.common.config import NetworkConfig, options_of
from mnemonist.tasks.common.programs import is_own

if TYPE_CHECKING:
    from mnemonist.engine.explain import Explanation
    from mnemonist.training.config import TrainingConfig

__all__ = [
    "command",
    "count",
    "digits",
    "executor_line",
    "layers_of",
    "name_of",
    "training_line",
]


def digits(value: float) -> str:
    """Three significant digits; whole numbers in full.

    >>> digits(0.012345), digits(12.345), digits(123456.7)
    ('0.0123', '12.3', '123,457')
    """
    if value == 0 or value != value:
        return "0" if value == 0 else "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2e}" if abs(value) < 1e-4 else f"{value:#.3g}".rstrip(".")


def count(number: int, what: str) -> str:
    """So many of something.

    >>> count(1, "step"), count(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def name_of(config: NetworkConfig) -> str:
    """The network's name in tables.

    >>> name_of(NetworkConfig(cell="lstm_peephole")), name_of(NetworkConfig(cell="me:MyCell"))
    ('LSTM peephole', 'MyCell')
    """
    if is_own(config):
        return config.cell.rpartition(":")[2]
    head, *rest = config.cell.split("_")
    known = {"lstm", "gru", "cifg", "mgu", "rnn", "ugrnn", "janet", "irnn", "rhn", "slstm"}
    name = head.upper() if head in known else {"elman": "Elman RNN"}.get(head, head)
    return " ".join([name, *rest])


def layers_of(config: NetworkConfig) -> str:
    """The recurrent layers in a few words.

    >>> layers_of(NetworkConfig(num_layers=2, bidirectional=True))
    '2 bidirectional layers of 32 lstm units'
    """
    both = "bidirectional " if config.bidirectional else ""
    layers = f"{config.num_layers} {both}layers of " if config.num_layers > 1 else both
    return f"{layers}{config.hidden_size} {config.cell} unit{'s' if config.hidden_size > 1 else ''}"


def training_line(loop: TrainingConfig) -> str:
    """The training in a line, before it begins."""
    patience = f", patience {loop.patience}" if loop.patience else ""
    return (
        f"at most {loop.epochs} epochs{patience}, {loop.optimizer} at {loop.learning_rate:g}, "
        f"batches of {loop.batch_size}, seed {loop.seed}"
    )


def executor_line(explanation: Explanation) -> str:
    """Which executor runs, on how many threads, and why not the compiled engine."""
    import torch

    # the compiled engine could run any cell; where it does not, the reason is of interest
    why_not = explanation.passed_over.get("native")
    threads = torch.get_num_threads()
    ran = f"{explanation.executor}, {threads} thread{'s' if threads > 1 else ''}"
    return ran + (f" (not native: {why_not})" if why_not else "")


def command(job: str, sources: Sequence[str], config: NetworkConfig, run: Path | None) -> str:
    """The command that makes a run again, into another folder.

    >>> command("forecast", ["well.csv"], NetworkConfig(cell="gru"), Path("runs/well"))
    'mnemonist train forecast well.csv --cell gru --run runs/well-again'
    """
    words = ["mnemonist", "train", job, *sources]
    for name, value in options_of(config).items():
        words += _flag(name, value)
    if run is not None:
        words += ["--run", f"{run}-again"]
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    option = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if isinstance(value, list):
        return [word for one in value for word in (option, str(one))]
    if isinstance(value, dict):
        return [word for key, one in value.items() for word in (f"{option}.{key}", str(one))]
    return [] if value is None else [option, str(value)]
