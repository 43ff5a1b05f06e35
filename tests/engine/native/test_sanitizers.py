"""The engine without Python, under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.acceptance
def test_the_engine_is_clean_under_sanitizers() -> None:
    # CMake and ninja are installed beside Python, and perhaps not on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake, ctest, ninja = (shutil.which(name, path=path) for name in ("cmake", "ctest", "ninja"))
    if not (cmake and ctest and ninja and any(map(shutil.which, ("c++", "g++", "clang++")))):
        pytest.skip("there is no compiler, CMake or ninja")
    folder = ROOT / "build" / "sanitizers"  # kept: a second run builds what changed

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]

    source = ROOT / "native" / "tests"
    run(cmake, "-S", source, "-B", folder, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}")
    run(cmake, "--build", folder)
    run(ctest, "--test-dir", folder, "--output-on-failure", "--timeout", "600")
