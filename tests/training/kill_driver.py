"""Run by test_kill.py: trains in forked processes that die by SIGKILL at chosen moments.

Prints one JSON object: how often a process was killed, and whether weights and metrics of the
training that was killed again and again are those of the one that was left alone.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

import mnemonist.training.pace as pace
from mnemonist.runs import RunFolder
from mnemonist.training import LossResult, StreamBatches, TrainingConfig, fit

CONFIG = TrainingConfig(
    epochs=6, checkpoint_every=1e-9, schedule="plateau", decay_epochs=1, learning_rate=0.01
)
# On every path that writes: before and after the sync, before and after the rename.
MOMENTS = [
    ("fsync", 2),
    ("loss", 3),
    ("record", 1),
    ("replace", 4),
    ("synced", 3),
    ("loss", 7),
    ("replaced", 2),
    ("write", 3),
    ("unlink", 2),
    ("record", 1),
    ("loss", 2),
]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class HalfWriter:
    """A file of which only half of a write has reached the disk when the process may die."""

    def __init__(self, file, counted) -> None:
        self.file, self.counted = file, counted

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.file.close()

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.counted("write")
        self.file.write(data[len(data) // 2 :])


def die_at(what: str, count: int) -> None:
    """Make this process kill itself at the given call."""
    left = [count]

    def counted(name: str) -> None:
        if name == what:
            left[0] -= 1
            if left[0] == 0:
                die()

    def around(owner: object, name: str, before: str, after: str) -> None:
        original = getattr(owner, name)

        def wrapped(*given, **named):
            counted(before)
            result = original(*given, **named)
            counted(after)
            return result

        setattr(owner, name, wrapped)

    around(os, "fsync", "fsync", "synced")
    around(Path, "replace", "replace", "replaced")
    around(Path, "unlink", "unlink", "unlinked")
    around(Objective, "loss", "loss", "")
    from mnemonist.runs.checkpoints import CheckpointFolder

    around(CheckpointFolder, "record", "", "record")
    if what == "write":
        original = Path.open

        def opened(self: Path, mode: str = "r", **given):
            file = original(self, mode, **given)
            return HalfWriter(file, counted) if mode == "wb" else file

        Path.open = opened  # type: ignore[method-assign]


class Objective:
    def loss(self, model, batch, *, carried, forcing, generator):
        hidden, state = model["lstm"](batch["x"], carried)
        hidden = hidden * (torch.rand(hidden.shape[-1], generator=generator) > 0.1)
        error = (model["head"](nn.functional.dropout(hidden, 0.1)) - batch["y"]).square()
        return LossResult(error.sum(), error.numel(), state)


def train(path: Path) -> None:
    pace._SAVING_SHARE = 0
    torch.manual_seed(0)
    model = nn.ModuleDict({"lstm": nn.LSTM(1, 8), "head": nn.Linear(8, 1)})
    data = torch.sin(torch.arange(161) * 0.3)[:, None]
    train = StreamBatches({"x": data[:-1], "y": data[1:]}, 4, 5)
    valid = StreamBatches({"x": data[:-1], "y": data[1:]}, 2, 40)
    config = CONFIG.model_dump(mode="json")
    with RunFolder.open(path, job="test", config=config, data_fingerprint={"n": 161}) as run:
        fit(model, Objective(), train, valid, CONFIG, checkpoints=run.checkpoints)
        run.save_model(model.state_dict())
        run.finish()


def child(path: Path, moment: tuple[str, int] | None) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            if moment:
                die_at(*moment)
            train(path)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return pid


def metrics(path: Path) -> list[dict]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in x.items() if k not in ("seconds", "rows_per_second")} for x in lines]


def main(home: Path) -> None:
    torch.set_num_threads(1)
    train(home / "imports")  # the first optimiser imports for seconds; children inherit it
    os.waitpid(child(home / "whole", None), 0)
    path, killed, statuses = home / "killed", 0, []
    moments: list[tuple[str, int] | None] = [*MOMENTS]
    delays = random.Random(3)
    for moment in moments:
        _, status = os.waitpid(child(path, moment), 0)
        statuses.append(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status))
        killed += os.WIFSIGNALED(status)
    for _ in range(5):
        pid = child(path, None)
        time.sleep(delays.uniform(0.01, 0.1))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        killed += os.WIFSIGNALED(status)
    _, status = os.waitpid(child(path, None), 0)
    whole, other = (RunFolder.load(home / name) for name in ("whole", "killed"))
    weights, others = whole.load_model()[0], other.load_model()[0]
    result = {
        "statuses": statuses,
        "killed": killed,
        "weights": all(weights[name].equal(others[name]) for name in weights),
        "metrics": metrics(home / "whole") == metrics(path),
        "epochs": len(metrics(path)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
