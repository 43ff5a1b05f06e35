"""What a training will do, decided before it does it."""

from __future__ import annotations

from pathlib import Path

from mnemonist.data.findings import Finding, by_severity, raise_fatal
from mnemonist.data.text import Tokenizer, Vocabulary, check_lines
from mnemonist.data.text.lines import TextSource
from mnemonist.tasks.common.network import explained, size_of
from mnemonist.tasks.common.programs import Maker, cell_maker
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.job import LanguagePlan
from mnemonist.tasks.language.model import build
from mnemonist.tasks.language.resolve import resolve

__all__ = ["check", "plan"]

_USUAL_STEPS = 40  # of a sentence, to ask which executor runs it


def check(source: TextSource, config: LanguageConfig) -> list[Finding]:
    """Everything to know before a training: what is wrong, what was noticed, what was chosen.

    Args:
        source: a text file, a folder of .txt files, or lines.
        config: of the training that is planned.

    Raises:
        DataError: the text cannot be read at all.
    """
    found = check_lines(source, encoding=config.text.encoding, max_line=config.text.max_line)
    if all(finding.severity != "fatal" for finding in found):
        resolved = resolve(config, source)
        found += resolved.findings
        found += [Finding("note", "note", note) for note in resolved.notes]
    return by_severity(found)


def plan(
    source: TextSource,
    config: LanguageConfig,
    *,
    cell: Maker | None = None,
    known: tuple[Tokenizer, Vocabulary] | None = None,
) -> LanguagePlan:
    """Read, check and decide everything; train nothing.

    Args:
        source: a text file, a folder of .txt files, or lines.
        config: with as many open questions as one likes.
        cell: the class that ``config.cell`` names, if it need not be imported.
        known: the tokenizer and vocabulary of a network that is there already.

    Raises:
        DataError: the text cannot be used; the message has every fatal finding.
        ConfigError: the configuration does not fit the text.
    """
    findings = check_lines(source, encoding=config.text.encoding, max_line=config.text.max_line)
    raise_fatal(findings)
    resolved = resolve(config, source, known=known)
    findings = [*findings, *resolved.findings]
    findings += [Finding("note", "note", note) for note in resolved.notes]
    maker = cell or cell_maker(resolved.config)
    model = build(resolved.config, len(resolved.corpus.vocabulary), maker)
    streams = resolved.config.mode == "streams"
    steps = (resolved.config.steps if streams else None) or _USUAL_STEPS
    return LanguagePlan(
        config=resolved.config,
        source_name=str(source) if isinstance(source, str | Path) else "lines",
        findings=findings,
        explanation=explained(model.recurrent, steps, resolved.config.training.batch_size),
        parameters=size_of(model),
        cell=maker,
        resolved=resolved,
    )
