"""Put what the demo shows today into both READMEs and into the picture: ``python docs/refresh.py``.

Run it where only the core is installed, as ``make demo`` does: with statsmodels the table has one
more row. It takes as long as the demo, a minute or two. The block behind ``<!-- demo -->`` is replaced.
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mnemonist.tasks.forecast.demos import DEMOS, run_demo
from mnemonist.tasks.forecast.figures import forecast_figure

ROOT = Path(__file__).parents[1]
DEMO = next(iter(DEMOS))


def main() -> None:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mnemonist", "demo", DEMO]
        shown = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        picture = draw(Path(folder) / "runs")
    shown = shown.replace(f"{ROOT}/", "").strip()
    for page in ("README.md", "README.zh.md"):
        path = ROOT / page
        text = re.sub(
            r"(?<=<!-- demo -->\n```\n).*?(?=\n```\n)",
            lambda _: shown,
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        path.write_text(text, encoding="utf-8")
    (ROOT / "docs" / "images" / "forecast.svg").write_text(picture, encoding="utf-8")


def draw(runs: Path) -> str:
    """The forecasts of the finished demo, on white, which a dark page does not swallow."""
    trained = run_demo(DEMO, runs, announce=lambda demo, plan: None).trained
    naive = "seasonal naive" if trained.plan.data.season else "last value"
    opening, rest = forecast_figure(trained.evaluation, trained.plan.data, naive).split(">", 1)
    return f'{opening}><rect width="100%" height="100%" fill="white"/>{rest}\n'


if __name__ == "__main__":
    main()
