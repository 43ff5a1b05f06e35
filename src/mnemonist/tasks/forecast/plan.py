"""What a training will do, decided before it does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mnemonist.data.findings import Finding, raise_fatal
from mnemonist.data.series import SeriesSet
from mnemonist.data.series.check import audit
from mnemonist.data.series.load import Source, inspect_series
from mnemonist.engine.explain import Explanation, explain
from mnemonist.runs.naming import default_run_name
from mnemonist.tasks.forecast.batches import Layout
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.model import ForecastModel, build
from mnemonist.tasks.forecast.programs import SavedCells, cell_maker, is_own
from mnemonist.tasks.forecast.resolve import Resolved, resolve, sizes

__all__ = ["Maker", "Plan", "check", "name_of", "network_of", "plan", "source_name"]

Maker = Callable[..., Any]
"""Makes a cell of an input and a hidden size."""


@dataclass(frozen=True)
class Plan:
    """What a training will do, before it does it.

    Args:
        source: as given.
        resolved: the configuration, the data and the parts.
        findings: what the check found, the notes included.
        explanation: which executor runs the first layer, and why.
        parameters: how many numbers are trained.
        cell: what makes the cell.
    """

    source: Source
    resolved: Resolved
    findings: list[Finding]
    explanation: Explanation
    parameters: int
    cell: Maker

    @property
    def config(self) -> ForecastConfig:
        return self.resolved.config

    @property
    def data(self) -> SeriesSet:
        return self.resolved.data

    def run_path(self, root: str = "runs") -> Path:
        """Where the run goes if nobody says otherwise."""
        return default_run_name(
            "forecast", source_name(self.source), self.config.model_dump(mode="json"), root=root
        )


def check(source: Source, config: ForecastConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: a path or a DataFrame.
        config: of the training that is planned.

    Raises:
        DataError: the source cannot be read as a table at all.
    """
    data, findings = inspect_series(source, config.series)
    findings = list(findings)
    if data is not None:
        findings += [Finding("note", "note", note, data.name) for note in data.notes]
        horizon, window, _ = sizes(config, data)
        audited = audit(data, window=window, horizon=horizon, valid=config.valid, test=config.test)
        findings += audited
        if all(finding.severity != "fatal" for finding in audited):
            resolved = resolve(config, data)
            findings += [Finding("note", "note", note, data.name) for note in resolved.notes]
    rank = {"fatal": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: rank[finding.severity])


def plan(source: Source, config: ForecastConfig, *, cell: Maker | None = None) -> Plan:
    """Read, check and decide everything; train nothing.

    Args:
        source: a path or a DataFrame.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.

    Raises:
        DataError: the data cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the data.
    """
    data, findings = inspect_series(source, config.series)
    raise_fatal(findings)
    assert data is not None
    resolved = resolve(config, data)
    findings = [*findings, *resolved.findings]
    findings += [Finding("note", "note", note) for note in (*data.notes, *resolved.notes)]
    maker = cell or cell_maker(resolved.config)
    model = network_of(resolved.config, resolved.layout, maker)
    return Plan(
        source,
        resolved,
        findings,
        _explained(model, resolved),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        maker,
    )


def _explained(model: ForecastModel, resolved: Resolved) -> Explanation:
    """How the first layer runs at the sizes of a training step."""
    layer = model.recurrent.layers[0]
    like = next(model.parameters())
    rows = resolved.config.training.batch_size
    x = like.new_zeros(resolved.layout.window, rows, layer.input_size)
    return explain(layer, x, executor=resolved.config.executor)


def network_of(config: ForecastConfig, layout: Layout, cell: Maker) -> ForecastModel:
    """The network of a configuration; what stands around a saved cell is in its program."""
    if isinstance(cell, SavedCells):
        config = config.model_copy(update=_WITHOUT_REGULARISERS)
    return build(config, layout, cell)


_WITHOUT_REGULARISERS = {
    "zoneout": 0.0,
    "variational_dropout": 0.0,
    "weight_dropout": 0.0,
    "cell_options": {},
}


def name_of(config: ForecastConfig) -> str:
    """The network's name in tables.

    >>> name_of(ForecastConfig(cell="lstm_peephole")), name_of(ForecastConfig(cell="me:MyCell"))
    ('LSTM peephole', 'MyCell')
    """
    if is_own(config):
        return config.cell.rpartition(":")[2]
    head, *rest = config.cell.split("_")
    known = {"lstm", "gru", "mgu", "rnn", "ugrnn", "janet", "irnn", "rhn", "slstm"}
    name = head.upper() if head in known else {"elman": "Elman RNN"}.get(head, head)
    return " ".join([name, *rest])


def source_name(source: Source) -> str:
    """What the data are called in folders and reports."""
    return "table" if isinstance(source, pd.DataFrame) else str(source)
