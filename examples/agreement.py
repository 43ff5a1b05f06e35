"""Agreement over a distance: the cat ... was, the cats ... were; Elman RNN, GRU and LSTM.

    python examples/agreement.py docs/images/agreement.svg

Sentences are generated: now and then "near the ships" first, then a subject, then what says more of
it: "behind the old trees", "that the boys see", whose verb agrees with a noun of its own; then "was"
or "were" by the subject's number. Training has up to 16 words from the subject to its verb. The
networks are asked which of the two verbs is likelier in sentences of up to 31 words in which all
nouns between subject and verb have the other number. Half of the time is right by chance.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from mnemonist import LanguageModel
from mnemonist.evaluation.resampling import interval_of_sums
from mnemonist.runs.report_figures import ACCENT, FAINT, LINE, NAIVE, OTHERS, drawing

NOUNS = ("cat", "dog", "king", "ship", "house", "tree", "boy", "girl", "river", "book")
LINKS = ("near", "behind", "beside", "above", "below", "with", "without", "against")
ADJECTIVES = ("old", "red", "big", "new", "good", "small")
VERBS = ("see", "like", "know", "hear", "want")
ENDS = ("old", "lost", "good", "here", "gone")
COLORS = {"elman": OTHERS[0], "gru": NAIVE, "lstm": ACCENT}
TRAINED = (1, *range(4, 17))
ASKED = (1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31)


def piece(words: int, draw: random.Random, number: str | None = None) -> list[str]:
    """Three to five words with one noun: "s" or "" at its end, by chance if not given."""
    number = draw.choice(("", "s")) if number is None else number
    noun = draw.choice(NOUNS) + number
    if words == 3:
        return [draw.choice(LINKS), "the", noun]
    verb = draw.choice(VERBS) + ("" if number else "s")
    adjective = draw.choice(ADJECTIVES)
    if words == 5:
        return ["that", "the", adjective, noun, verb]
    return draw.choice(([draw.choice(LINKS), "the", adjective, noun], ["that", "the", noun, verb]))


def between(words: int, draw: random.Random, number: str | None = None) -> list[str]:
    """So many words between a subject and its verb, none or at least three."""
    made: list[str] = []
    while rest := words - len(made):
        size = draw.choice([k for k in (3, 4, 5) if rest == k or rest - k >= 3])
        made += piece(size, draw, number)
    return made


def sentence(distance: int, draw: random.Random, hard: bool = False) -> tuple[list[str], bool]:
    """A sentence up to its verb, `distance` words after the subject; and whether that is many.

    With `hard` all nouns between have the other number.
    """
    many = draw.random() < 0.5
    before = piece(3, draw) if draw.random() < 0.5 else []
    other = ("" if many else "s") if hard else None
    subject = draw.choice(NOUNS) + ("s" if many else "")
    return [*before, "the", subject, *between(distance - 1, draw, other)], many


def whole(draw: random.Random) -> str:
    """A sentence with its verb and an end."""
    words, many = sentence(draw.choice(TRAINED), draw)
    return " ".join([*words, "were" if many else "was", draw.choice(ENDS)])


def trained(cell: str, seed: int, options: argparse.Namespace) -> LanguageModel:
    """A model of words, of its own sentences."""
    draw = random.Random(seed)
    return LanguageModel(
        cell=cell,
        mode="sentences",
        tokens="spaces",
        hidden_size=options.hidden,
        embedding_size=16,
        epochs=options.epochs,
        learning_rate=options.rate,
        batch_size=16,
        test=500,
        valid=500,
        seed=seed,
    ).fit([whole(draw) for _ in range(options.sentences)])


def accuracy(model: LanguageModel, distance: int, pairs: int, seed: int) -> float:
    """How often the right verb is likelier than the wrong one."""
    draw = random.Random(f"{seed} {distance}")
    texts, right = [], []
    for _ in range(pairs):
        words, many = sentence(distance, draw, hard=True)
        texts += [" ".join([*words, verb, "here"]) for verb in ("was", "were")]
        right.append(many)
    bits = np.array([one.bits for one in model.score(texts)]).reshape(-1, 2)
    return float(np.mean((bits[:, 1] < bits[:, 0]) == np.array(right)))


def draw_figure(found: dict[str, np.ndarray], path: Path) -> None:
    """Accuracy by distance: every seed, their mean, and its 95 % interval over the seeds."""
    with drawing("agreement", height=2.8) as d:
        axes = d.axes(1, len(found), sharex=True, sharey=True, squeeze=False)[0]
        for ax, (cell, values) in zip(axes, found.items(), strict=True):
            color = COLORS[cell]
            spread = [interval_of_sums(column) for column in values.T]
            low, high = [one.lower for one in spread], [one.upper for one in spread]
            ax.axvspan(TRAINED[-1] + 0.5, ASKED[-1] + 1, color=LINE, lw=0, zorder=0)
            ax.axhline(0.5, color=FAINT, lw=0.8, ls=(0, (3, 2)))
            ax.fill_between(ASKED, low, high, color=color, alpha=0.2, lw=0)
            ax.plot(ASKED, values.T, color=color, lw=0.7, alpha=0.7)
            ax.plot(ASKED, values.mean(0), color=color, lw=2.2)
            ax.set_title("Elman RNN" if cell == "elman" else cell.upper())
            ax.set_xlim(0, ASKED[-1] + 1)
            ax.set_ylim(-0.02, 1.02)
        axes[len(axes) // 2].set_xlabel("words from the subject to its verb")
        axes[0].set_ylabel("right verb likelier")
    path.write_text(d.svg + "\n", encoding="utf-8")


def main() -> None:
    """Train, ask, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="the SVG file to write")
    parser.add_argument("--cells", nargs="+", default=["elman", "gru", "lstm"])
    parser.add_argument("--sentences", type=int, default=5_000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    found = {}
    for cell in options.cells:
        rows = []
        for seed in range(options.seeds):
            model = trained(cell, seed, options)
            rows.append([accuracy(model, k, options.pairs, seed) for k in ASKED])
            shown = "  ".join(f"{k}: {v:.2f}" for k, v in zip(ASKED, rows[-1], strict=True))
            print(f"{cell:6} {seed}  {shown}", flush=True)
        found[cell] = np.array(rows)
    draw_figure(found, options.path)


if __name__ == "__main__":
    main()
