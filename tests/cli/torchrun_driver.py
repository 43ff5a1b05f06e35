"""Run by test_torchrun.py in two processes: commands of a file, one after the other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from mnemonist.cli.entry import run

if __name__ == "__main__":
    torch.set_num_threads(1)
    for command in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        if status := run(command):
            sys.exit(status)
