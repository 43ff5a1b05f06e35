"""What a training of a classifier will do, decided before it does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mnemonist.data.findings import Finding, by_severity, raise_fatal
from mnemonist.data.labelled import LabelledConfig, LabelledSet, LabelledSplit
from mnemonist.data.labelled.check import audit
from mnemonist.data.labelled.load import Source as FileSource
from mnemonist.data.labelled.load import inspect_labelled
from mnemonist.data.labelled.splitting import parts_of
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.classify.encoding import SeriesEncoder, TokenEncoder, fit_encoder
from mnemonist.tasks.classify.job import ClassifyPlan
from mnemonist.tasks.classify.model import build
from mnemonist.tasks.classify.resolve import resolve
from mnemonist.tasks.common.network import explained, size_of
from mnemonist.tasks.common.programs import Maker, cell_maker

__all__ = ["Source", "check", "plan", "read"]

Source = FileSource | LabelledSet

_UNKNOWN = 0.05


def check(source: Source, config: ClassifyConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: as `load_labelled` takes it, or a `LabelledSet`.
        config: of the training that is planned.

    Raises:
        DataError: the source cannot be read at all.
    """
    data, tested = _sources(source, config)
    findings = _audited(data, tested, config.data)
    if all(finding.severity != "fatal" for finding in findings):
        findings = list(_decided(data, tested, config, findings)[-1])
    return by_severity(findings)


def plan(source: Source, config: ClassifyConfig, *, cell: Maker | None = None) -> ClassifyPlan:
    """Read, check and decide everything; train nothing.

    Args:
        source: as `load_labelled` takes it, or a `LabelledSet`.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.

    Raises:
        DataError: the data cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the data.
    """
    data, tested = _sources(source, config)
    findings = _audited(data, tested, config.data)
    raise_fatal(findings)
    resolved, parts, encoder, findings = _decided(data, tested, config, findings)
    maker = cell or cell_maker(resolved)
    model = build(resolved, encoder, len(data.classes), maker)
    steps = int(np.median([len(encoder.steps(item)) for item in parts.train.items[:500]]))
    batch = min(resolved.training.batch_size, len(parts.train))
    return ClassifyPlan(
        config=resolved,
        source_name=data.name,
        findings=findings,
        explanation=explained(model.recurrent, min(max(steps, 1), resolved.max_steps), batch),
        parameters=size_of(model),
        cell=maker,
        sources=_named(source),
        parts=parts,
        encoder=encoder,
    )


def read(source: Source, config: LabelledConfig, *, labelled: bool = True) -> LabelledSet:
    """Items from a source, with what was found in them.

    Raises:
        DataError: it cannot be read at all.
    """
    if isinstance(source, LabelledSet):
        return source
    return inspect_labelled(source, config, labelled=labelled)


def _sources(source: Source, config: ClassifyConfig) -> tuple[LabelledSet, LabelledSet | None]:
    tested = config.test_file
    return read(source, config.data), None if tested is None else read(tested, config.data)


def _audited(
    data: LabelledSet, tested: LabelledSet | None, config: LabelledConfig
) -> list[Finding]:
    findings = [*data.findings, *(tested.findings if tested else ())]
    if any(finding.severity == "fatal" for finding in findings):
        return findings
    return [*findings, *audit(data, tested, config)]


def _decided(
    data: LabelledSet, tested: LabelledSet | None, config: ClassifyConfig, found: list[Finding]
) -> tuple[ClassifyConfig, LabelledSplit, TokenEncoder | SeriesEncoder, list[Finding]]:
    """The resolved configuration, the parts, what reads them, and all findings."""
    parts = parts_of(data, tested, config.data)
    if not len(parts.test):
        raise_fatal(
            [
                Finding(
                    "fatal",
                    "no-test-part",
                    f"none of {len(data):,} items is left for the results",
                    data.name,
                    remedy="give --test 0.2, or --test-file",
                )
            ]
        )
    resolved, notes = resolve(config, parts)
    encoder = fit_encoder(parts.train, resolved)
    notes = [*parts.notes, *notes]
    findings = [*found, *_read_badly(parts, encoder, resolved)]
    return resolved, parts, encoder, [*findings, *_notes(notes, data.name)]


def _read_badly(
    parts: LabelledSplit, encoder: TokenEncoder | SeriesEncoder, config: ClassifyConfig
) -> Iterable[Finding]:
    """Items that the network does not read in full, and tokens that it does not know."""
    long = sum(len(encoder.steps(item)) > config.max_steps for item in parts.train.items)
    if long:
        yield Finding(
            "note",
            "cut-items",
            f"{long:,} training items have more than {config.max_steps} steps; of these the "
            "beginning and the end are read",
            parts.train.name,
            remedy="raise --max-steps to read all of them",
        )
    if isinstance(encoder, SeriesEncoder) or not len(parts.test):
        return
    tokens = [token for item in parts.test.items for token in encoder.steps(item)]
    rate = encoder.vocabulary.unknown_rate(tokens)
    if rate > _UNKNOWN:
        yield Finding(
            "warning",
            "unknown-tokens",
            f"{100 * rate:.1f} % of the tokens of the test part are unknown to the vocabulary of "
            f"{encoder.width:,} {config.tokens}",
            parts.test.name,
            remedy="cut the text finer (--tokens characters or subwords), or lower --min-count",
        )


def _notes(texts: Iterable[str], name: str) -> list[Finding]:
    return [Finding("note", "note", text, name) for text in texts]


def _named(source: Any) -> tuple[str, ...]:
    if isinstance(source, pd.DataFrame):
        return ("table",)
    if isinstance(source, LabelledSet):
        return (source.name,)
    return (str(source),) if not isinstance(source, list | tuple) else tuple(map(str, source))
