"""Stories that every job must live through: a training that is stopped, a cell that has gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnemonist.cli.entry import run

_CELL = """
import torch
from mnemonist.cells import Cell

class Leaky(Cell):
    states = ("h",)

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        (self.candidate,) = self.gates("candidate")

    def step(self, x, h):
        return 0.5 * h + 0.5 * torch.tanh(self.candidate(x, h))
"""


def stopped_training_goes_on_to_the_same_bits(command: list[str], how: signal.Signals) -> None:
    """Stop `command` at its first checkpoint, finish it, and compare with a run never stopped.

    Works in the current folder; `command` must train for a few checkpoints after the first.
    """
    command = [*command, "--checkpoint-every=0.01"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mnemonist", *command, "--run", "stopped"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoints = Path("stopped/checkpoints")
    while process.poll() is None and not any(checkpoints.glob("*")):
        time.sleep(0.01)
    process.send_signal(how)
    _, err = process.communicate()
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "Run the same command again" in err
    assert not Path("stopped/report.html").exists()
    assert run([*command, "--run", "stopped"]) == 0
    assert run([*command, "--run", "whole"]) == 0
    stopped, whole = (Path(name, "model.safetensors").read_bytes() for name in ("stopped", "whole"))
    assert stopped == whole


def a_cell_of_ones_own_predicts_without_its_class(
    train: list[str],
    predict: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Train with a cell of a file in the current folder, and predict when that file is gone."""
    Path("own_cells.py").write_text(_CELL)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    assert run([*train, "--cell", "own_cells:Leaky", "--zoneout", "0.1"]) == 0
    assert "Leaky" in capsys.readouterr().out
    assert run(predict) == 0
    with_class = capsys.readouterr().out
    Path("own_cells.py").unlink()
    sys.modules.pop("own_cells", None)
    assert run(predict) == 0
    assert capsys.readouterr().out == with_class
