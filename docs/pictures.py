"""Draw the README's picture from the demo's own results: ``python docs/pictures.py``, a minute."""

from pathlib import Path
from tempfile import TemporaryDirectory

from mnemonist.tasks.forecast.demos import DEMOS, run_demo
from mnemonist.tasks.forecast.figures import forecast_figure

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    with TemporaryDirectory() as folder:
        trained = run_demo(
            next(iter(DEMOS)), Path(folder), announce=lambda demo, plan: None
        ).trained
    naive = "seasonal naive" if trained.plan.data.season else "last value"
    svg = forecast_figure(trained.evaluation, trained.plan.data, naive)
    # a page with a dark ground shows the picture on white, as it was drawn
    opening, rest = svg.split(">", 1)
    paper = '<rect width="100%" height="100%" fill="white"/>'
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "forecast.svg").write_text(f"{opening}>{paper}{rest}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
