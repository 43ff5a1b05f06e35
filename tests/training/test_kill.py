"""kill -9 at any moment, writing a checkpoint included, changes no bit of the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 needs POSIX")


def test_a_training_killed_again_and_again_ends_in_the_same_bits(tmp_path):
    driver = Path(__file__).with_name("kill_driver.py")
    done = subprocess.run(
        [sys.executable, str(driver), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["statuses"] == [9] * len(result["statuses"]), (result, done.stderr)
    assert result["killed"] >= len(result["statuses"])
    assert result["epochs"] == 6
    assert result["metrics"]
    assert result["weights"]
