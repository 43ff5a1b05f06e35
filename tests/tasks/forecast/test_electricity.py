"""Half-hourly demand with temperature: the commands of the page in the docs, and what they claim."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fetched import from_pip

from mnemonist.runs import RunFolder

PAGE = Path(__file__).parents[3] / "docs/examples/electricity.md"


def commands() -> tuple[list[str], str]:
    """What the page's first block installs by pip, and the rest of it."""
    block = re.search(
        r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    install, _, rest = block[1].partition("\n")
    assert install.startswith("pip install ")
    return install.split()[2:], rest


@pytest.mark.acceptance
def test_the_network_of_the_page_beats_last_season_and_linear_autoregression(
    tmp_path: Path,
) -> None:
    packages, script = commands()
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(from_pip(*packages)),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    rows = RunFolder.load(run).load_json("results.json")["table"]["rows"]
    mase = {row["name"]: row["values"]["MASE"] for row in rows}
    rivals = [name for name in mase if name.startswith(("seasonal naive", "linear"))]
    assert len(rivals) == 3, "a day before, a week before, linear autoregression"
    assert mase["LSTM"] < min(mase[name] for name in rivals)
