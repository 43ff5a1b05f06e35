"""Run by test_distributed.py, alone and under torchrun: trains and writes the weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from torch import nn

import mnemonist.training.pace as pace
from mnemonist.runs import RunFolder
from mnemonist.training import (
    BucketBatches,
    LossResult,
    StreamBatches,
    TrainingConfig,
    fit,
)


class Masked:
    """An LSTM over padded rows; only steps within a row's length count."""

    def loss(self, model, batch, *, carried, forcing, generator):
        hidden, state = model["lstm"](batch["x"], carried)
        error = (model["head"](hidden) - batch["y"]).square()[..., 0]
        if "lengths" in batch:
            error = error * (torch.arange(len(error))[:, None] < batch["lengths"])
            return LossResult(error.sum(), float(batch["lengths"].sum()))
        return LossResult(error.sum(), error.numel(), state)


class Dropping(Masked):
    """With masks that each process draws for its own rows, and a crash at one call."""

    def __init__(self, fail_at: int = 0) -> None:
        self.left = fail_at

    def loss(self, model, batch, *, carried, forcing, generator):
        self.left -= 1
        if self.left == 0:
            raise Crash
        x = batch["x"] * (torch.rand(batch["x"].shape[1], 1, generator=generator) > 0.2)
        x = nn.functional.dropout(x, 0.2)
        return super().loss(
            model, {**batch, "x": x}, carried=carried, forcing=forcing, generator=generator
        )


class Crash(Exception):
    pass


class Nets(nn.ModuleDict):
    def __init__(self) -> None:
        torch.manual_seed(0 if os.environ.get("RANK", "0") == "0" else 99)
        super().__init__({"lstm": nn.LSTM(1, 5), "head": nn.Linear(5, 1)})
        self.unused = nn.Parameter(torch.ones(2))
        self.double()


def problems():
    """Batches whose last one has one row: the second of two processes gets it, the first none."""
    data = torch.sin(torch.arange(101) * 0.3).double()[:, None]
    ragged = [data[i : i + 3 + i] for i in range(9)]
    padded = BucketBatches({"x": ragged, "y": ragged}, 4, seed=1)
    stream = StreamBatches({"x": data[:-1], "y": data[1:]}, 3, 6)
    yield "padded", padded, padded, {"weight_decay": 0.01, "optimizer": "adamw"}
    yield "stream", stream, stream, {"optimizer": "sgd", "learning_rate": 0.05}
    yield "accumulated", padded, None, {"accumulate": 2, "optimizer": "sgd", "clip_norm": 0.1}


def settings(config: TrainingConfig) -> dict:
    return {"config": config.model_dump(mode="json"), "job": "test", "data_fingerprint": {}}


def resumed(home: Path) -> None:
    """The same training undisturbed, and broken off in its second epoch and taken up again."""
    pace._SAVING_SHARE = 0
    _, stream, _, _ = list(problems())[1]
    config = TrainingConfig(epochs=3, checkpoint_every=1e-9)
    for name, crashes in (("undisturbed", [0]), ("resumed", [9, 0])):
        for fail_at in crashes:
            model = Nets()
            with RunFolder.open(home / name, **settings(config)) as run:
                try:
                    fit(model, Dropping(fail_at), stream, None, config, checkpoints=run.checkpoints)
                except Crash:
                    continue
                run.save_model(model.state_dict())
                run.finish()


def main(home: Path) -> None:
    resumed(home)
    for name, train, valid, options in problems():
        config = TrainingConfig(epochs=3, **options)
        model = Nets()
        with RunFolder.open(home / name, **settings(config)) as run:
            history = fit(model, Masked(), train, valid, config, checkpoints=run.checkpoints)
            run.save_model(model.state_dict())
            run.save_json("history.json", history.to_dict())
            run.finish()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
