"""The engine without Python, under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnemonist import cells
from mnemonist.engine import program_of
from mnemonist.engine.native import library
from mnemonist.engine.native.run import Signature, compiled, constants_of

ROOT = Path(__file__).parents[3]


CELLS = ("lstm", "gru_reset_before", "lstm_layer_norm", "indrnn", "slstm")


def write_plans(folder: Path) -> list[Path]:
    """Plans of some cells as native/tests/run_test.cpp reads them, forwards and backwards."""
    files = []
    for name in CELLS:
        # Neither width is a multiple of a vector; the greater is worth a team of threads.
        for width in (5, 130) if name == "lstm" else (5,):
            cell = cells.get(name)(3, width)
            program = program_of(cell)
            count = len(constants_of(program, program.states))
            wanted = frozenset(["x", *(f"state.{n}" for n in program.states), *range(count)])
            plain = compiled(program, Signature(()))
            trained = compiled(program, Signature(tuple(program.states), wanted=wanted))
            plans = {
                "plain": plain.forward.plan,
                "forward": trained.forward.plan,
                "backward": trained.backward.plan,
            }
            for kind, plan in plans.items():
                code = plan.code()
                path = folder / f"{name}-{width}-{kind}.plan"
                path.write_text(" ".join(map(str, [len(code), *code, *plan.numbers])) + "\n")
                files.append(path)
    return files


@pytest.mark.acceptance
def test_the_engine_is_clean_under_sanitizers(tmp_path: Path) -> None:
    # CMake and ninja are installed beside Python, and perhaps not on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake, ctest, ninja = (shutil.which(name, path=path) for name in ("cmake", "ctest", "ninja"))
    if not (cmake and ctest and ninja and any(map(shutil.which, ("c++", "g++", "clang++")))):
        pytest.skip("there is no compiler, CMake or ninja")
    if not library.available():
        pytest.skip(f"the plans are written with the engine: {library.why_missing()}")
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
    plans = write_plans(tmp_path)
    for kind in ("address", "thread"):
        run(folder / f"run_test_{kind}", *plans)
