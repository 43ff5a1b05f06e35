"""The jobs on symbols under torchrun: two processes write the run that one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mnemonist.cli.entry import run
from mnemonist.runs import RunFolder

DRIVER = Path(__file__).with_name("torchrun_driver.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SMALL = ("--epochs=2", "--hidden-size=8", "--embedding-size=8", "--dropout=0")

# Each process draws the masks of its own rows, so that none are drawn where runs are compared.
FILES = {
    "classify": (
        "reviews.csv",
        ("--token-dropout=0", "--pair-dropout=0", "--embedding-dropout=0"),
    ),
    "tag": ("news.txt", ("--token-dropout=0", "--embedding-dropout=0")),
    "language": ("text.txt", ("--fresh=0", "--steps=20", "--batch-size=8")),
    "translate": ("pairs.tsv", ()),
}

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this torch has no gloo",
)


def texts() -> dict[str, str]:
    """The small files."""
    reviews = [f"第{k}单{('太差', '很好')[k % 2]},{('neg', 'pos')[k % 2]}" for k in range(60)]
    return {
        "reviews.csv": "\n".join(["text,label", *reviews]),
        "news.txt": "王/nr 刚/nr 去/v 北京/ns\n李/nr 明/nr 在/p 上海/ns\n她/r 去/v 了/u\n" * 20,
        "text.txt": "the cat sees the dog\n王刚看见李明\n" * 40,
        "pairs.tsv": "\n".join(["source\ttarget", *(f"{k}\t{-k}" for k in range(100, 180))]),
    }


def train(home: Path, job: str, name: str) -> list[str]:
    """The command that trains a job into a folder."""
    file, options = FILES[job]
    return ["train", job, str(home / file), *SMALL, *options, "--run", str(home / f"{name}-{job}")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two processes of each job."""
    home = tmp_path_factory.mktemp("home")
    for name, text in texts().items():
        (home / name).write_text(text, encoding="utf-8")
    commands = [train(home, job, "two") for job in FILES]
    (home / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *TORCHRUN, str(DRIVER), str(home / "commands.json")],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report  ") == len(FILES), "process 0 alone prints"
    return home


@pytest.mark.parametrize("job", FILES)
def test_two_processes_give_the_run_of_one(home: Path, job: str) -> None:
    assert run(train(home, job, "one")) == 0
    folders = [RunFolder.load(home / f"{name}-{job}") for name in ("one", "two")]
    (one, records), (two, expected) = (
        (folder.load_model()[0], folder.load_json("results.json")["history"]["records"])
        for folder in folders
    )
    for field in ("train_loss", "valid_loss"):
        assert [r[field] for r in records] == pytest.approx([r[field] for r in expected], rel=1e-4)
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-2, atol=1e-4)
    assert {path.name for path in folders[0].path.iterdir()} == {
        path.name for path in folders[1].path.iterdir()
    }
