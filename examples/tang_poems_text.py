"""Write the Tang poems of a package as one text, for `mnemonist train language`.

    npm pack chinese-poetry@2.0.1 && tar xzf chinese-poetry-2.0.1.tgz
    python examples/tang_poems_text.py package tang.txt

A line is half a couplet, five or seven characters in most poems, without punctuation; an empty
line ends a poem. `--shares FILE` tells instead which share of a text's lines have 5 or 7
characters, for poems that a network wrote.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HALVES = re.compile(r"[，。！？；、：,.!?;:\s]+")
HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003134f]+")


def poems(folder: Path) -> Iterator[list[str]]:
    """The halves of couplets of each poem that is all Chinese characters."""
    for file in sorted(folder.rglob("yudingquantangshi/json/*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        for poem in found if isinstance(found, list) else [found]:
            text = "，".join(poem.get("paragraphs", []))
            halves = [half for half in HALVES.split(text) if half]
            if halves and all(HAN.fullmatch(half) for half in halves):
                yield halves


def shares(path: Path) -> None:
    """Print how many lines have which number of characters."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    counts = Counter(map(len, lines))
    kept = counts[5] + counts[7]
    print(f"{len(lines):,} lines, {kept / len(lines):.1%} of 5 or 7 characters")


def main() -> None:
    """Write the text, or count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="the unpacked package")
    parser.add_argument("path", type=Path, nargs="?", help="the text file to write")
    parser.add_argument("--shares", type=Path, help="a text whose lines are counted")
    options = parser.parse_args()
    if options.shares is not None:
        shares(options.shares)
        return
    if options.folder is None or options.path is None:
        parser.error("give the package's folder and the file to write")
    found = list(poems(options.folder))
    text = "\n\n".join("\n".join(poem) for poem in found) + "\n"
    options.path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(found):,} poems, {sum(len(half) for poem in found for half in poem):,} characters")


if __name__ == "__main__":
    main()
