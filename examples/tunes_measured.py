"""How good are the tunes of a language model? Bars, keys and copies, beside tunes that people made.

    mnemonist music FOLDER tunes.txt
    mnemonist train language tunes.txt --tokens spaces --mode sentences --run runs/tunes
    python examples/tunes_measured.py runs/tunes tunes.txt drawn.txt

Tunes are drawn from the run's model, from no prompt, and written to the last file. Counted of
them, of as many of the test part (the last tenth of the lines) and of the training part: bars as long as the
metre asks, notes of the key signature; and of each tune that is not trained on the longest span of
tokens that stands in one line of the training part as well. Test tunes have such spans too, as
tunes are varied and quote each other: a model copies where its spans are longer than theirs.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from statistics import median

from mnemonist import LanguageModel
from mnemonist.data.music import soundness

LONGEST = 2_000
SHORTEST = 8


def spans(tunes: Sequence[list[str]], training: Sequence[list[str]]) -> list[list[str]]:
    """The longest span of each tune that one of the training has too, of SHORTEST tokens or more."""
    places = defaultdict(list)
    for other in training:
        for at in range(len(other) - SHORTEST + 1):
            places[tuple(other[at : at + SHORTEST])].append((other, at))
    found = []
    for tune in tunes:
        best: list[str] = []
        for start in range(len(tune)):
            for other, at in places.get(tuple(tune[start : start + SHORTEST]), ()):
                pairs = zip(tune[start:], other[at:], strict=False)
                length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
                if length > len(best):
                    best = tune[start : start + length]
        found.append(best)
    return found


def row(name: str, tunes: list[list[str]], training: list[list[str]] | None) -> str:
    """A line of the table."""
    shares = soundness(tunes).shares()
    cells = ["-" if share is None else f"{100 * share:.1f} %" for share in shares.values()]
    cells += ["", ""]
    if training is not None:
        copied = spans(tunes, training)
        lengths = sorted(map(len, copied))
        longest = max(copied, key=len)
        whole = sum(len(a) == len(b) for a, b in zip(tunes, copied, strict=True))
        cells[-2] = f"{median(lengths):.0f}"
        cells[-1] = f"{len(longest)} ({longest.count('|')} bar lines; {whole} whole tunes)"
    return f"| {name} | {len(tunes):,} | {' | '.join(cells)} |"


def main() -> None:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the run folder of the language model")
    parser.add_argument("text", type=Path, help="the lines of tokens that it was trained on")
    parser.add_argument("drawn", type=Path, help="the file to write drawn tunes to")
    parser.add_argument(
        "--count", type=int, default=100, help="of tunes, drawn and of the test part"
    )
    parser.add_argument("--temperatures", type=float, nargs="+", default=[1.0, 0.8])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lines = [line.split() for line in options.text.read_text(encoding="utf-8").splitlines()]
    model = LanguageModel.load(options.run)
    tests = round(0.1 * len(lines))
    training = lines[: len(lines) - tests - round(0.05 * len(lines))]
    print(
        "| tunes | | bars full | tunes with full bars | notes in key | tunes in key "
        "| copied span, median | longest |\n|---|---|---|---|---|---|---|---|"
    )
    print(row("training", training, None))
    print(row("test", lines[-tests:][: options.count], training), flush=True)
    notes = []
    for temperature in options.temperatures:
        drawn = [
            model.sample(temperature=temperature, seed=options.seed + k, length=LONGEST)
            for k in range(options.count)
        ]
        ended = sum(text.endswith("\n") for text in drawn)
        path = options.drawn.with_stem(f"{options.drawn.stem}-{temperature:g}")
        path.write_text("".join(text.strip() + "\n" for text in drawn), encoding="utf-8")
        name = f"drawn, temperature {temperature:g}"
        print(row(name, [text.split() for text in drawn], training), flush=True)
        notes.append(f"{path}: {ended} of {len(drawn)} tunes end within {LONGEST:,} tokens")
    print("\n".join(notes))


if __name__ == "__main__":
    main()
