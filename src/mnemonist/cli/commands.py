"""Every command: its words, the function that runs it, and one line about it.

A command is added here and nowhere else. Its function lives in ``cli/<job>.py`` (or in a
file of its own), is imported only when it runs, and is read by cyclopts: parameters become
arguments and options, its docstring the help. What the function returns is the exit
status; ``None`` is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from mnemonist.errors import ConfigError

__all__ = ["COMMANDS", "Command", "find", "overview"]


class Command(NamedTuple):
    """A command line's first words, where its function is, and what it does."""

    words: tuple[str, ...]
    target: str
    help: str

    @property
    def name(self) -> str:
        """The words as they are typed."""
        return " ".join(self.words)


JOBS = (
    Command(
        ("check", "forecast"),
        "mnemonist.cli.forecast:check",
        "Look a file over: gaps, text among numbers, unsorted times",
    ),
    Command(
        ("train", "forecast"),
        "mnemonist.cli.forecast:train",
        "Train on a CSV file beside the baselines; write the report",
    ),
    Command(
        ("eval", "forecast"),
        "mnemonist.cli.forecast:evaluate",
        "Measure a trained forecaster against the baselines",
    ),
    Command(
        ("predict", "forecast"),
        "mnemonist.cli.forecast:predict",
        "Forecast beyond the end of a file",
    ),
    Command(
        ("compare", "forecast"),
        "mnemonist.cli.forecast:compare",
        "Train several cells, sizes and seeds on one file",
    ),
    Command(
        ("check", "classify"),
        "mnemonist.cli.classify:check",
        "Look labelled sequences over: labels, duplicates, lengths",
    ),
    Command(
        ("train", "classify"),
        "mnemonist.cli.classify:train",
        "Train on labelled sequences; write the report",
    ),
    Command(
        ("eval", "classify"),
        "mnemonist.cli.classify:evaluate",
        "Measure a trained classifier against the baselines",
    ),
    Command(
        ("predict", "classify"),
        "mnemonist.cli.classify:predict",
        "Classify lines or files, with probabilities",
    ),
    Command(
        ("compare", "classify"),
        "mnemonist.cli.classify:compare",
        "Train several cells, sizes and seeds on one set",
    ),
    Command(
        ("check", "language"),
        "mnemonist.cli.language:check",
        "Look a text over: encoding, odd characters, repeats",
    ),
    Command(
        ("train", "language"),
        "mnemonist.cli.language:train",
        "Train on a text beside n-grams; write the report",
    ),
    Command(
        ("eval", "language"),
        "mnemonist.cli.language:evaluate",
        "Measure a language model against n-grams",
    ),
    Command(
        ("score", "language"),
        "mnemonist.cli.language:score",
        "How probable sentences are, token by token",
    ),
    Command(
        ("rerank", "language"),
        "mnemonist.cli.language:rerank",
        "Put n-best lists in a new order",
    ),
    Command(
        ("sample", "language"),
        "mnemonist.cli.language:sample",
        "Write a text from a prompt, token by token",
    ),
    Command(
        ("compare", "language"),
        "mnemonist.cli.language:compare",
        "Train several cells, sizes and seeds on one text",
    ),
    Command(
        ("check", "translate"),
        "mnemonist.cli.translate:check",
        "Look pairs of texts over: empty sides, repeats, lengths",
    ),
    Command(
        ("train", "translate"),
        "mnemonist.cli.translate:train",
        "Train on pairs of texts beside baselines; write the report",
    ),
    Command(
        ("eval", "translate"),
        "mnemonist.cli.translate:evaluate",
        "Measure a trained translator against the baselines",
    ),
    Command(
        ("predict", "translate"),
        "mnemonist.cli.translate:predict",
        "Translate lines, the n best of each",
    ),
    Command(
        ("compare", "translate"),
        "mnemonist.cli.translate:compare",
        "Train several cells, sizes and seeds on one file",
    ),
    Command(
        ("check", "tag"),
        "mnemonist.cli.tag:check",
        "Look tagged sentences over: schemes, rare tags, copies",
    ),
    Command(
        ("train", "tag"),
        "mnemonist.cli.tag:train",
        "Train on tagged sentences; write the report",
    ),
    Command(
        ("eval", "tag"),
        "mnemonist.cli.tag:evaluate",
        "Measure a trained tagger against the baselines",
    ),
    Command(
        ("predict", "tag"),
        "mnemonist.cli.tag:predict",
        "Tag the lines of a text, or sentences in columns",
    ),
    Command(
        ("compare", "tag"),
        "mnemonist.cli.tag:compare",
        "Train several cells, sizes and seeds on tagged sentences",
    ),
)
TOOLS = (
    Command(("demo",), "mnemonist.cli.demo:demo", "A whole job on a bundled series, in minutes"),
    Command(
        ("music",),
        "mnemonist.cli.music:music",
        "ABC, MIDI and MusicXML to tokens, and back; piano rolls",
    ),
    Command(("info",), "mnemonist.cli.info:info", "What is installed, and what is missing and why"),
    Command(("explain",), "mnemonist.cli.explain:explain", "Print the program of a cell"),
)
COMMANDS = JOBS + TOOLS


def find(tokens: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command that the tokens begin with, and the tokens behind its words.

    >>> command, rest = find(["train", "forecast", "well.csv", "--horizon", "12"])
    >>> command.target, rest
    ('mnemonist.cli.forecast:train', ['well.csv', '--horizon', '12'])

    Raises:
        ConfigError: no command begins like this; the message names the nearest.
    """
    for command in COMMANDS:
        length = len(command.words)
        if tuple(tokens[:length]) == command.words:
            return command, tokens[length:]
    raise ConfigError(_unknown(tokens))


def overview(verb: str | None = None) -> str:
    """The help of ``mnemonist``, or of the commands that begin with `verb`."""
    shown = [c for c in COMMANDS if verb is None or c.words[0] == verb]
    width = max(len(c.name) for c in COMMANDS) + 2
    lines = [
        f"Usage: mnemonist {verb or 'COMMAND'} ...",
        "",
        "Recurrent sequence models: from a file to a model and an honest report.",
        "",
    ]
    for title, group in (("Jobs", JOBS), ("Tools", TOOLS)):
        rows = [f"  {c.name:{width}}{c.help}" for c in group if c in shown]
        lines += [f"{title}:", *rows, ""] if rows else []
    lines += [
        "Options:",
        f"  {'--help, -h':{width}}This page; after a command, the options of that command",
        f"  {'--version':{width}}The version of mnemonist",
        f"  {'--debug':{width}}Show the traceback of an error",
    ]
    return "\n".join(lines)


def _unknown(tokens: Sequence[str]) -> str:
    """Why no command fits, with the nearest one."""
    verb = tokens[0]
    jobs = [c.words[1] for c in COMMANDS if c.words[0] == verb and len(c.words) > 1]
    if jobs:
        given = tokens[1] if len(tokens) > 1 else ""
        if not given or given.startswith("-"):
            return (
                f"{verb} needs the job as its next word: {', '.join(jobs)}. "
                f"For example: mnemonist {verb} {jobs[0]} --help"
            )
        near = get_close_matches(given, jobs, n=1, cutoff=0.5)
        hint = f"Did you mean {verb} {near[0]}?" if near else f"The jobs are: {', '.join(jobs)}."
        return f"Unknown job {given!r} for {verb}. {hint}"
    if verb.startswith("-"):
        what, known = "option", ["--help", "--version", "--debug"]
    else:
        what, known = "command", list(dict.fromkeys(c.words[0] for c in COMMANDS))
    near = get_close_matches(verb, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"The {what}s are: {', '.join(known)}."
    return f"Unknown {what} {verb!r}. {hint}"
