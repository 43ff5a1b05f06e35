"""The stored help pages: what cyclopts writes, told in the width of the terminal."""

from __future__ import annotations

import re

import pytest

from mnemonist.cli import entry
from mnemonist.cli.commands import COMMANDS, Command, find
from mnemonist.cli.help import stored_page, wrapped
from mnemonist.tasks.forecast.config import ForecastConfig


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_a_stored_page_is_what_the_signature_says(command: Command) -> None:
    assert stored_page(command) == entry.help_page(command), "run: python -m mnemonist.cli.help"


def test_the_defaults_that_are_shown_are_those_of_the_job() -> None:
    page = stored_page(find(["train", "forecast"])[0])
    training = ForecastConfig().training
    for option, value in (
        ("epochs", training.epochs),
        ("learning-rate", training.learning_rate),
        ("teacher-forcing.schedule", training.teacher_forcing.schedule),
    ):
        assert re.search(rf"^  --{option} .*\[default: {value}\]$", page, re.MULTILINE), option


@pytest.mark.parametrize("width", [40, 80, 100])
def test_in_a_terminal_no_line_is_wider_than_it_and_no_word_is_lost(width: int) -> None:
    page = stored_page(find(["train", "forecast"])[0])
    shown = wrapped(page, width)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.split() == page.split()


@pytest.mark.parametrize(
    "arguments", [["-h"], ["well.csv", "--help"], ["--horizon", "nonsense", "-h"]]
)
def test_help_is_given_wherever_it_is_asked_for(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry.run(["train", "forecast", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: mnemonist train forecast")
    assert not err
