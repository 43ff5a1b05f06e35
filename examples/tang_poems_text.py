"""Write the Tang poems of a package as one text, for `mnemonist train language`.

    npm pack chinese-poetry@2.0.1 && tar xzf chinese-poetry-2.0.1.tgz
    python examples/tang_poems_text.py package tang.txt

A line is half a couplet, five or seven characters in most poems, without punctuation; an empty
line ends a poem. `--shares FILE` tells instead how a text keeps the form, poems that a network
wrote for instance: which share of the lines has 5 or 7 characters, which share of the couplets has
halves of one length, 5 or 7, and which share of the poems has one length in all lines.
"""

import argparse
import json
import re
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
    """Print how a text keeps the form; a poem that is cut off at its end counts by what is there."""
    text = path.read_text(encoding="utf-8")
    lengths = [[*map(len, poem.split("\n"))] for poem in re.split(r"\n{2,}", text.strip("\n"))]
    lines = [size for poem in lengths for size in poem]
    couplets = [pair for poem in lengths for pair in zip(poem[::2], poem[1::2], strict=False)]
    kept = sum(size in (5, 7) for size in lines)
    paired = sum(pair in ((5, 5), (7, 7)) for pair in couplets)
    whole = sum(len(set(poem)) == 1 and poem[0] in (5, 7) for poem in lengths)
    print(
        f"{kept / len(lines):.1%} of {len(lines):,} lines have 5 or 7 characters, "
        f"{paired / max(1, len(couplets)):.1%} of {len(couplets):,} couplets twice 5 or twice 7, "
        f"{whole / len(lengths):.1%} of {len(lengths):,} poems one of them in all lines"
    )


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
