"""A user's command lines: help that starts at once, errors in one paragraph, honest exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Annotated, Literal

import pytest
from cyclopts import Parameter
from pydantic import BaseModel, Field, model_validator

from mnemonist.cli import commands
from mnemonist.cli.entry import run
from mnemonist.engine import EXECUTORS
from mnemonist.errors import DataError


@pytest.fixture
def add_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., object]], None]:
    """Add a function to the commands, under its own name."""

    def add(function: Callable[..., object]) -> None:
        name = function.__name__
        module = ModuleType(f"commands_of_a_test_{name}")
        setattr(module, name, function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        command = commands.Command((name,), f"{module.__name__}:{name}", "Made by a test")
        monkeypatch.setattr(commands, "COMMANDS", (*commands.COMMANDS, command))

    return add


@pytest.fixture
def fails(add_command: Callable[[Callable[..., object]], None]) -> Callable[[BaseException], None]:
    """Add the command ``mnemonist fail [--json]``, which raises what the test gives."""

    def set_error(error: BaseException) -> None:
        def fail(*, json: bool = False) -> None:
            """Fail."""
            raise error

        add_command(fail)

    return set_error


def mnemonist(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mnemonist", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


PAGES = [[*command.words, "--help"] for command in commands.COMMANDS]


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], ["train"], ["trian"], *PAGES], ids=" ".join
)
def test_help_and_version_import_no_library(arguments: list[str]) -> None:
    code = (
        "import sys; from mnemonist.cli.entry import run; run(sys.argv[1:]); "
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'sklearn', 'pydantic', 'cyclopts', 'rich'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_option_that_is_refused_is_refused_before_torch_and_pandas_are_imported() -> None:
    code = (
        "import sys; from mnemonist.cli.entry import run; run(sys.argv[1:]); "
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'sklearn'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    arguments = ["train", "forecast", "well.csv", "--epochs", "0"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--epochs" in done.stderr


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    page = capsys.readouterr().out
    for command in commands.COMMANDS:
        assert f"  {command.name} " in page
        assert command.help in page
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["trian", "forecast"], "Did you mean train?"),
        (["train", "forcast", "well.csv"], "Did you mean train forecast?"),
        (["train", "--cell", "lstm"], "mnemonist train forecast --help"),
        (["frobnicate"], "The commands are: check, train"),
        (["--vresion"], "Did you mean --version?"),
        (["info", "--jsn"], "Did you mean --json?"),
        (["info", "surplus"], "surplus"),
    ],
)
def test_a_misspelt_command_line_names_the_nearest_and_exits_2(
    arguments: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert remedy in err
    assert err.startswith("mnemonist: ")
    assert not out
    assert "Traceback" not in err


def test_an_error_of_ours_is_one_paragraph_and_status_2(
    fails: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails(DataError("well.csv has no column 'oil';\n  the nearest is 'Oil'"))
    assert run(["fail"]) == 2
    assert capsys.readouterr() == (
        "",
        "mnemonist: well.csv has no column 'oil'; the nearest is 'Oil'\n",
    )


def test_debug_shows_where_the_error_came_from(fails: Callable[[BaseException], None]) -> None:
    fails(DataError("broken"))
    with pytest.raises(DataError, match="broken"):
        run(["fail", "--debug"])


def test_an_unexpected_error_says_how_to_see_more_and_exits_1(
    fails: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails(ZeroDivisionError("division by zero"))
    assert run(["fail"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mnemonist: ZeroDivisionError: division by zero. ")
    assert "--debug" in error
    assert error.count("\n") == 1


def test_with_json_the_error_is_json_on_stderr_and_stdout_stays_empty(
    fails: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails(DataError("第 3 行不是数字"))
    assert run(["fail", "--json"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert json.loads(err) == {"error": {"type": "DataError", "message": "第 3 行不是数字"}}


class Settings(BaseModel):
    """A configuration whose fields are options."""

    epochs: int = Field(10, gt=0)
    optimizer: Literal["adam", "sgd"] = "adam"
    warmup_steps: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.warmup_steps > self.epochs:
            raise ValueError("the warm-up is longer than the training")
        return self


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs: input should be greater than 0, not '0'"),
        (["--epochs", "ten"], "--epochs: input should be a valid integer, not 'ten'"),
        (["--optimizer", "adm"], "--optimizer: input should be 'adam' or 'sgd', not 'adm'"),
        (["--warmup-steps", "99"], "the warm-up is longer than the training"),
    ],
)
def test_a_configuration_that_cannot_be_is_told_by_option(
    arguments: list[str],
    message: str,
    add_command: Callable[[Callable[..., object]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def configure(*, config: Annotated[Settings | None, Parameter(name="*")] = None) -> None:
        """Configure."""

    add_command(configure)
    assert run(["configure", *arguments]) == 2
    assert capsys.readouterr().err == f"mnemonist: {message}\n"


def test_ctrl_c_exits_130(
    fails: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails(KeyboardInterrupt())
    assert run(["fail"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_goes_away_is_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mnemonist", "--help"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["--help"], ["info", "--help"], ["info"]])
def test_piped_output_has_no_control_codes(arguments: list[str]) -> None:
    done = mnemonist(*arguments)
    assert done.returncode == 0, done.stderr
    assert not [c for c in done.stdout if ord(c) < 32 and c != "\n"]
    assert done.stderr == ""


def test_info_as_json_names_executors_and_extras(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["libraries"]["torch"]
    assert found["executors"].keys() == set(EXECUTORS)
    extras = {extra["name"]: extra for extra in found["extras"]}
    assert extras["parquet"]["packages"].keys() == {"pyarrow"}
    assert extras["parquet"]["install"] == "pip install 'mnemonist[parquet]'"


def test_info_names_the_command_that_installs_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module("mnemonist.cli.info")
    version = module._version
    monkeypatch.setattr(module, "_version", lambda n: None if n == "pyarrow" else version(n))
    assert run(["info"]) == 0
    assert "parquet: pyarrow missing; pip install 'mnemonist[parquet]'" in capsys.readouterr().out


def test_of_several_processes_the_first_speaks(monkeypatch, capsys):
    for rank, spoken in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert run(["explain"]) == 0
        assert bool(capsys.readouterr().out) is spoken
