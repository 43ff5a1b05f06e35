"""Every row of the table of commands leads to a function with its help."""

from __future__ import annotations

from importlib import import_module
from inspect import getdoc

import pytest

from mnemonist.cli import commands
from mnemonist.cli.entry import run


@pytest.mark.parametrize("command", commands.COMMANDS, ids=lambda c: c.name)
def test_every_command_has_its_function_and_its_help(
    command: commands.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    module, _, name = command.target.partition(":")
    function = getattr(import_module(module), name)
    summary = (getdoc(function) or "").splitlines()[0]
    assert summary
    assert run([*command.words, "--help"]) == 0
    page = capsys.readouterr().out
    assert f"Usage: mnemonist {command.name}" in page
    assert summary in " ".join(page.split())
