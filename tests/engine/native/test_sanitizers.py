"""The engine without Python, under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import program_of
from mnemonist.engine.native import library
from mnemonist.engine.native.compiled import Signature, compiled
from mnemonist.engine.native.plan import Plan
from mnemonist.engine.native.stepper import step_plan
from mnemonist.engine.program import Program

ROOT = Path(__file__).parents[3]

LIGHT: dict[str, Cell] = {
    "lstm": cells.get("lstm")(3, 5),
    "peepholes": cells.get("lstm_peephole")(3, 5),
    "gru": cells.get("gru")(3, 5),
    "gru-reset-before": cells.get("gru_reset_before")(3, 5),
    "layer-norm": cells.get("lstm_layer_norm")(3, 5),
    "diagonal": cells.get("indrnn")(3, 5),
    "blocks": cells.get("slstm")(3, 6, heads=2),
}
"""Widths are no multiple of a vector."""

HEAVY: dict[str, Cell] = {"lstm-heavy": cells.get("lstm")(3, 190)}
"""Weights for which few rows are worth a team of threads, in float32 too."""


def plans_of(program: Program) -> Iterator[tuple[str, Plan]]:
    """The plans of a program over time, without gradients, and with all of them."""
    last = compiled(program, Signature(()))
    everything = tuple(range(len(last.keys)))
    trained = compiled(program, Signature(tuple(program.states), wanted=everything))
    yield "last", last.forward.plan
    yield "forward", trained.forward.plan
    yield "backward", trained.backward.plan


def write(folder: Path, name: str, plan: Plan) -> Path:
    """A plan as native/tests/plans.hpp reads it."""
    code = plan.code()
    path = folder / f"{name}.plan"
    path.write_text(" ".join(map(str, [len(code), *code, *plan.numbers])) + "\n")
    return path


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
    programs = {name: program_of(cell) for name, cell in LIGHT.items()}
    light = [
        write(tmp_path, f"{name}-{kind}", plan)
        for name, program in programs.items()
        for kind, plan in plans_of(program)
    ]
    heavy = [
        write(tmp_path, f"{name}-{kind}", plan)
        for name, cell in HEAVY.items()
        for kind, plan in plans_of(program_of(cell))
    ]
    steps = [
        write(tmp_path, f"{name}-step", step_plan(program, tuple(program.states)).plan)
        for name, program in programs.items()
    ]
    for kind in ("address", "thread"):
        run(folder / f"run_test_{kind}", *light, *heavy)
    run(folder / "stepper_test_address", *steps)
    run(folder / "plan_fuzz_address", *light, *steps)
