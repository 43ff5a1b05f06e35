"""What a training of a translator will do, decided before it does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mnemonist.data.findings import Finding, by_severity, raise_fatal
from mnemonist.data.parallel import (
    ParallelConfig,
    ParallelSet,
    ParallelSplit,
    check_parts,
    split_parallel,
)
from mnemonist.data.parallel.check import audit
from mnemonist.data.parallel.load import inspect_parallel
from mnemonist.errors import DataError
from mnemonist.tasks.common.network import explained, size_of
from mnemonist.tasks.common.programs import Maker, cell_maker
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.job import TranslatePlan
from mnemonist.tasks.translate.model import build
from mnemonist.tasks.translate.resolve import resolve
from mnemonist.tasks.translate.sides import Sides, fit_sides

__all__ = ["Source", "check", "plan", "read"]

Source = str | Path | ParallelSet

_UNKNOWN = 0.05


def check(source: Source, config: TranslateConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: a file as `load_parallel` takes it, or a `ParallelSet`.
        config: of the training that is planned.

    Raises:
        DataError: the source cannot be read as pairs at all.
    """
    pairs, findings = read(source, config.data)
    if all(finding.severity != "fatal" for finding in findings):
        findings += _decided(pairs, config)[-1]
    return by_severity(findings)


def plan(
    source: Source,
    config: TranslateConfig,
    *,
    cell: Maker | None = None,
    sides: Sides | None = None,
) -> TranslatePlan:
    """Read, check and decide everything; train nothing.

    Args:
        source: a file as `load_parallel` takes it, or a `ParallelSet`.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.
        sides: those of a network that is there already.

    Raises:
        DataError: the data cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the data.
        MissingExtraError: an option needs a package that is not installed.
    """
    pairs, findings = read(source, config.data)
    raise_fatal(findings)
    resolved, parts, sides, more = _decided(pairs, config, sides)
    maker = cell or cell_maker(resolved)
    model = build(resolved, sides, maker)
    lengths = [len(sides.source.tokens(text)) for text in parts.train.sources[:500]]
    rows = min(resolved.training.batch_size, len(parts.train))
    return TranslatePlan(
        config=resolved,
        source_name=pairs.name,
        findings=[*findings, *more],
        explanation=explained(model.encoder, int(np.median(lengths)) + 1, rows),
        parameters=size_of(model),
        cell=maker,
        parts=parts,
        sides=sides,
    )


def read(source: Source, config: ParallelConfig) -> tuple[ParallelSet, list[Finding]]:
    """Pairs from a source, and what was found in them.

    Raises:
        DataError: it cannot be read as pairs at all.
    """
    if isinstance(source, ParallelSet):
        return source, audit(source)
    pairs, findings = inspect_parallel(source, config)
    if len(pairs):
        findings += audit(pairs)
    return pairs, [*findings, *_notes(pairs.notes, pairs.name)]


def _decided(
    pairs: ParallelSet, config: TranslateConfig, sides: Sides | None = None
) -> tuple[TranslateConfig, ParallelSplit, Sides, list[Finding]]:
    """The resolved configuration, the parts, what reads them, and what was found on the way."""
    parts, findings = _parts(pairs, config)
    resolved, notes = resolve(config, parts.train, valid=len(parts.valid))
    sides = sides or fit_sides(parts.train, resolved)
    train, left_out = _short(parts.train, sides, resolved)
    parts = ParallelSplit(train, parts.valid, parts.test)
    findings += [*left_out, *_unknown(parts.test, sides, resolved)]
    return resolved, parts, sides, [*findings, *_notes(notes, pairs.name)]


def _parts(pairs: ParallelSet, config: TranslateConfig) -> tuple[ParallelSplit, list[Finding]]:
    """The three parts, the training part cut to its share."""
    findings: list[Finding] = []
    tested = None
    if config.test_file is not None:
        files = config.data.model_copy(update={"target_file": config.test_target_file})
        tested, findings = read(config.test_file, files)
        raise_fatal(findings)
    parts = split_parallel(
        pairs,
        valid=config.valid,
        test=0.0 if tested is not None else config.test,
        seed=config.split_seed,
    )
    train, test = parts.train, parts.test if tested is None else tested
    if not len(test):
        raise DataError(
            f"{pairs.name}: none of {len(pairs):,} pairs is left for the results: give --test 0.2, "
            "or --test-file"
        )
    if config.share < 1:
        order = np.random.default_rng(config.split_seed).permutation(len(train))
        train = train.take(np.sort(order[: max(1, round(config.share * len(train)))]))
    if tested is not None:
        findings += check_parts(train, tested)
    return ParallelSplit(train, parts.valid, test), findings


def _short(
    train: ParallelSet, sides: Sides, config: TranslateConfig
) -> tuple[ParallelSet, list[Finding]]:
    """The training pairs that are not too long."""
    limit = config.max_tokens
    kept = [
        k
        for k, (source, target) in enumerate(zip(train.sources, train.targets, strict=True))
        if max(len(sides.source.tokens(source)), len(sides.target.tokens(target))) <= limit
    ]
    if len(kept) == len(train):
        return train, []
    if not kept:
        raise DataError(
            f"{train.name}: every training pair has more than {limit} tokens on a side: cut the "
            "texts into sentences, or raise max_tokens (--max-tokens)"
        )
    found = Finding(
        "warning",
        "long-pairs",
        f"{len(train) - len(kept):,} training pairs have more than {limit} tokens on a side and are "
        "left out",
        train.name,
        remedy="cut them into sentences, or raise --max-tokens",
    )
    return train.take(kept), [found]


def _unknown(test: ParallelSet, sides: Sides, config: TranslateConfig) -> Iterable[Finding]:
    """Tokens of the test part that the network cannot read, or cannot write."""
    both = (
        ("source", sides.source, test.sources, "read"),
        ("target", sides.target, test.targets, "write"),
    )
    for name, side, texts, verb in both:
        rate = side.unknown_rate(texts)
        if rate > _UNKNOWN:
            yield Finding(
                "warning",
                "unknown-tokens",
                f"{100 * rate:.1f} % of the {name} tokens of the test part are unknown to the "
                f"vocabulary of {len(side):,}, so that the network cannot {verb} them",
                test.name,
                remedy=f"cut the text finer (--{name}-tokens subwords or characters), lower "
                "--min-count, or bring more data",
            )


def _notes(texts: Iterable[str], name: str) -> list[Finding]:
    return [Finding("note", "note", text, name) for text in texts]
