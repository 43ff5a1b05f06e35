"""Agreement over a distance: the cat ... was, the cats ... were; Elman RNN, GRU and LSTM.

    python examples/agreement.py docs/images/agreement.svg

Sentences are generated: a subject, then a phrase of 0 to 29 words without a verb, in which other
nouns stand in either number, then "was" or "were" by the subject's number, and an adjective. A
model of words is trained on each cell's sentences, and asked for sentences that training does not
have which of the two verbs is likelier. Half of the time is right by chance.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from mnemonist import LanguageModel
from mnemonist.runs.report_figures import ACCENT, FAINT, NAIVE, drawing

NOUNS = ("cat", "dog", "king", "ship", "house", "tree", "boy", "girl", "river", "book")
LINKS = ("near", "behind", "beside", "above", "below", "with", "without", "against")
ADJECTIVES = ("old", "red", "big", "new", "good", "small")
ENDS = ("old", "lost", "good", "here", "gone")
COLORS = {"elman": FAINT, "gru": NAIVE, "lstm": ACCENT}


def phrase(words: int, draw: random.Random) -> list[str]:
    """So many words between subject and verb: adjectives, links and nouns of either number."""
    made: list[str] = []
    while len(made) < words:
        noun = draw.choice(NOUNS) + draw.choice(("", "s"))
        made += [draw.choice(LINKS), "the", draw.choice(ADJECTIVES), noun]
    return made[:words]


def sentence(distance: int, draw: random.Random) -> tuple[list[str], bool]:
    """A sentence up to its verb, the verb `distance` words after the subject; and its number."""
    many = draw.random() < 0.5
    subject = draw.choice(NOUNS) + ("s" if many else "")
    return ["the", subject, *phrase(distance - 1, draw)], many


def whole(distance: int, draw: random.Random) -> str:
    """A sentence with its verb and an end."""
    words, many = sentence(distance, draw)
    return " ".join([*words, "were" if many else "was", draw.choice(ENDS)])


def accuracy(model: LanguageModel, distance: int, pairs: int, seed: int) -> float:
    """How often the right verb is likelier than the wrong one."""
    draw = random.Random(f"{seed} {distance}")
    texts, right = [], []
    for _ in range(pairs):
        words, many = sentence(distance, draw)
        texts += [" ".join([*words, verb, "here"]) for verb in ("was", "were")]
        right.append(many)
    bits = np.array([one.bits for one in model.score(texts)]).reshape(-1, 2)
    return float(np.mean((bits[:, 1] < bits[:, 0]) == np.array(right)))


def draw_figure(distances: list[int], found: dict[str, list[float]], path: Path) -> None:
    """Accuracy by distance, one line a cell."""
    with drawing("agreement", height=3.2) as d:
        ax = d.axes()
        for cell, values in found.items():
            label = "Elman RNN" if cell == "elman" else cell.upper()
            ax.plot(distances, values, color=COLORS[cell], marker="o", ms=4, label=label)
        ax.axhline(0.5, color=FAINT, lw=0.8, ls=(0, (3, 2)))
        ax.set_xlabel("words from the subject to its verb")
        ax.set_ylabel("share with the right verb likelier")
        ax.set_ylim(0.35, 1.02)
        ax.legend(loc="lower left")
    path.write_text(d.svg + "\n", encoding="utf-8")


def main() -> None:
    """Train, ask, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="the SVG file to write")
    parser.add_argument("--cells", nargs="+", default=["lstm", "elman", "gru"])
    parser.add_argument("--sentences", type=int, default=6_000)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    distances = [1, 2, 3, 5, 7, 10, 13, 16, 20, 25, 30]
    draw = random.Random(options.seed)
    lines = [whole(draw.randint(1, 30), draw) for _ in range(options.sentences)]
    found = {}
    for cell in options.cells:
        model = LanguageModel(
            cell=cell,
            mode="sentences",
            tokens="spaces",
            hidden_size=64,
            embedding_size=32,
            epochs=options.epochs,
            learning_rate=1e-2,
            batch_size=16,
            test=500,
            valid=500,
            seed=options.seed,
        ).fit(lines)
        found[cell] = [accuracy(model, k, options.pairs, options.seed) for k in distances]
        shown = "  ".join(f"{k}: {v:.2f}" for k, v in zip(distances, found[cell], strict=True))
        print(f"{cell:6} {shown}", flush=True)
    draw_figure(distances, found, options.path)


if __name__ == "__main__":
    main()
