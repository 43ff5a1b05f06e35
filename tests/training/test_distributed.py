"""Two processes under torchrun train as one does on the same global batches."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mnemonist.errors import ConfigError
from mnemonist.runs import RunFolder
from mnemonist.training import History, TrainingConfig, fit

DRIVER = Path(__file__).with_name("distributed_driver.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this torch has no gloo",
)


@pytest.fixture(scope="module")
def driver():
    spec = importlib.util.spec_from_file_location("distributed_driver", DRIVER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("two")
    done = subprocess.run(
        [sys.executable, *TORCHRUN, str(DRIVER), str(home)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return home


def test_two_processes_give_the_single_process_result(two, driver):
    for name, train, valid, options in driver.problems():
        model, config = driver.Nets(), TrainingConfig(epochs=3, **options)
        expected = fit(model, driver.Masked(), train, valid, config)
        run = RunFolder.load(two / name)
        weights = run.load_model()[0]
        for key, tensor in model.state_dict().items():
            torch.testing.assert_close(weights[key], tensor, rtol=1e-12, atol=1e-14)
        history = History.from_dict(run.load_json("history.json"))
        for field in ("train_loss", "grad_norm", "grad_norm_max"):
            assert history.column(field) == pytest.approx(expected.column(field), rel=1e-11)
        if valid is not None:
            assert history.column("valid_loss") == pytest.approx(
                expected.column("valid_loss"), rel=1e-11
            )
            assert history.best_epoch == expected.best_epoch
        assert len(run.metrics()) == 3, "process 0 alone wrote the metrics"


def test_two_processes_resume_exactly(two):
    weights, resumed = (RunFolder.load(two / n).load_model()[0] for n in ("undisturbed", "resumed"))
    assert all(tensor.equal(resumed[name]) for name, tensor in weights.items())


def test_going_on_with_another_number_of_processes_is_refused(two, driver):
    _, stream, _, _ = list(driver.problems())[1]
    config = TrainingConfig(epochs=3, checkpoint_every=1e-9)
    checkpoints = RunFolder.load(two / "resumed").checkpoints
    with pytest.raises(ConfigError, match="processes: 2 -> 1"):
        fit(driver.Nets(), driver.Masked(), stream, None, config, checkpoints=checkpoints)
