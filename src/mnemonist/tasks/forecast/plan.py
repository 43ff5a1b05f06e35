"""What a training will do, decided before it does it."""

from __future__ import annotations

import pandas as pd

from mnemonist.data.findings import Finding, by_severity, raise_fatal
from mnemonist.data.series.check import audit
from mnemonist.data.series.load import Source, inspect_series
from mnemonist.tasks.common.network import explained, size_of
from mnemonist.tasks.common.programs import Maker, cell_maker
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.job import ForecastPlan
from mnemonist.tasks.forecast.model import build
from mnemonist.tasks.forecast.resolve import resolve, sizes

__all__ = ["check", "plan"]


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
    return by_severity(findings)


def plan(source: Source, config: ForecastConfig, *, cell: Maker | None = None) -> ForecastPlan:
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
    model = build(resolved.config, resolved.layout, maker)
    return ForecastPlan(
        config=resolved.config,
        source_name="table" if isinstance(source, pd.DataFrame) else str(source),
        findings=findings,
        explanation=explained(
            model.recurrent, resolved.layout.window, resolved.config.training.batch_size
        ),
        parameters=size_of(model),
        cell=maker,
        resolved=resolved,
    )
