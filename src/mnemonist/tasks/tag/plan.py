"""What a training of a tagger will do, decided before it does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mnemonist.data.findings import Finding, by_severity, raise_fatal
from mnemonist.data.tags import (
    Scheme,
    Sentence,
    TaggedSet,
    TaggedSplit,
    TagsConfig,
    check_tags,
    inspect_tagged,
    prepare_tagged,
    repair,
    split_tagged,
)
from mnemonist.data.tags.load import Source as FileSource
from mnemonist.errors import DataError
from mnemonist.tasks.common.network import explained, size_of
from mnemonist.tasks.common.programs import Maker, cell_maker
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.encoding import Encoder, Kind, Tagset, fit_encoder
from mnemonist.tasks.tag.job import TagPlan
from mnemonist.tasks.tag.model import build
from mnemonist.tasks.tag.resolve import kind_of, resolve, tokenizer_for, units_of

__all__ = ["Source", "check", "plan", "read"]

Source = FileSource | TaggedSet

_UNKNOWN = 0.1


def check(source: Source, config: TagConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: as `load_tagged` takes it, or a `TaggedSet`.
        config: of the training that is planned.

    Raises:
        DataError: the source cannot be read at all.
    """
    data, findings = _inspected(source, config.data)
    if all(finding.severity != "fatal" for finding in findings):
        parts, config, _, notes = _parts(data, config)
        findings = check_tags(parts.train, valid=parts.valid, test=parts.test)
        findings += _empty(parts)
        if all(finding.severity != "fatal" for finding in findings):
            parts = _repaired(parts)
            resolved, more = resolve(config, parts.train)
            findings += _unknown(parts, fit_encoder(parts.train, resolved))
            findings += _notes([*notes, *more], parts.train.name)
    return by_severity(findings)


def plan(source: Source, config: TagConfig, *, cell: Maker | None = None) -> TagPlan:
    """Read, check and decide everything; train nothing.

    Args:
        source: as `load_tagged` takes it, or a `TaggedSet`.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.

    Raises:
        DataError: the data cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the data.
    """
    parts, config, kind, notes = _parts(source, config)
    findings = check_tags(parts.train, valid=parts.valid, test=parts.test)
    raise_fatal([*findings, *_empty(parts)])
    parts = _repaired(parts)
    resolved, more = resolve(config, parts.train)
    encoder = fit_encoder(parts.train, resolved)
    tagset = Tagset(tuple(parts.train.tags()), parts.train.scheme, kind)
    maker = cell or cell_maker(resolved)
    model = build(resolved, encoder, tagset, maker)
    steps = int(np.median([len(one) for one in parts.train]))
    findings += _unknown(parts, encoder)
    return TagPlan(
        config=resolved,
        source_name=parts.train.name,
        findings=[*findings, *_notes([*notes, *more], parts.train.name)],
        explanation=explained(
            model.recurrent,
            min(steps, resolved.max_steps),
            min(resolved.training.batch_size, len(parts.train)),
        ),
        parameters=size_of(model),
        cell=maker,
        parts=parts,
        encoder=encoder,
        tagset=tagset,
        tokenizer=tokenizer_for(parts.train),
    )


def read(source: Source, config: TagsConfig) -> tuple[TaggedSet, TagsConfig, Kind]:
    """A source in the units and tags of a configuration, with these decided.

    Args:
        source: what to read.
        config: how.

    Raises:
        DataError: it cannot be used; the message has every fatal finding.
    """
    data, findings = _inspected(source, config)
    raise_fatal(findings)
    units, notes = units_of(data, config)
    config = config.model_copy(update={"units": units})
    made = prepare_tagged(data, config)
    return replace(made, notes=[*made.notes, *notes]), config, kind_of(data, made)


def _inspected(source: Source, config: TagsConfig) -> tuple[TaggedSet, list[Finding]]:
    if isinstance(source, TaggedSet):
        return source, list(source.findings)
    return inspect_tagged(source, config)


def _parts(source: Source, config: TagConfig) -> tuple[TaggedSplit, TagConfig, Kind, list[str]]:
    """The parts, the configuration of how they were read, what the tags say, and notes."""
    data, how, kind = read(source, config.data)
    test = None
    if config.test_file is not None:
        test = read(config.test_file, how)[0]
        if test.scheme != data.scheme:
            raise DataError(
                f"{config.test_file} has tags of the scheme {test.scheme}, and {data.name} of "
                f"{data.scheme}: name the scheme (--scheme), or convert one of them"
            )
    parts = split_tagged(data, how, test=test)
    parts = replace(parts, train=replace(parts.train, findings=data.findings))
    return parts, config.model_copy(update={"data": how}), kind, [*data.notes, *parts.notes]


def _repaired(parts: TaggedSplit) -> TaggedSplit:
    """The parts with valid tags; `check_tags` has told of those that are not."""
    train, valid, test = map(_valid, (parts.train, parts.valid, parts.test))
    return TaggedSplit(train, valid, test, parts.notes)


def _valid(data: TaggedSet) -> TaggedSet:
    """The set with the tags that conlleval reads where some are invalid."""
    scheme: Scheme = data.scheme
    if scheme == "raw":
        return data

    def repaired(one: Sentence) -> Sentence:
        tags = tuple(repair(one.tags, scheme))
        return one if tags == one.tags else replace(one, tags=tags)

    return replace(data, sentences=[repaired(one) for one in data])


def _empty(parts: TaggedSplit) -> list[Finding]:
    missing = [name for name in ("train", "test") if not len(getattr(parts, name))]
    return (
        [
            Finding(
                "fatal",
                "empty-part",
                f"no sentence is left for {' and '.join(missing)}",
                parts.train.name,
                remedy="give more sentences, --test 0.2, or --test-file",
            )
        ]
        if missing
        else []
    )


def _unknown(parts: TaggedSplit, encoder: Encoder) -> list[Finding]:
    unknown = np.concatenate([encoder.unknown(one.tokens) for one in parts.test])
    if not len(unknown) or unknown.mean() <= _UNKNOWN:
        return []
    return [
        Finding(
            "warning",
            "unknown-tokens",
            f"{100 * unknown.mean():.1f} % of the tokens of the test part have no vector of their "
            f"own among the {len(encoder.tokens):,} that training gives",
            parts.test.name,
            remedy="train on more, or lower --min-count",
        )
    ]


def _notes(texts: list[str], name: str) -> list[Finding]:
    return [Finding("note", "note", text, Path(name).name) for text in texts]
