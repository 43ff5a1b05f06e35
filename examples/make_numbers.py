"""Write numbers beside their words, English or Chinese, for `mnemonist train translate`.

    python examples/make_numbers.py numbers.tsv --words chinese --rows 20000 --seed 1

Numbers are drawn below 10, 100, ... or a million, each bound as often as the others, so that short
ones occur several times.
"""

import argparse
import random

SMALL, TENS = (
    words.split()
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety",
    )
)
DIGITS, PLACES = "零一二三四五六七八九", ("", "十", "百", "千")


def english(number: int) -> str:
    """A number below a million in English words.

    >>> english(0), english(342_017)
    ('zero', 'three hundred and forty-two thousand and seventeen')
    """
    if number < 20:
        return SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")
    unit, word = (100, "hundred") if number < 1000 else (1000, "thousand")
    many, rest = divmod(number, unit)
    joint = " and " if rest < 100 else " "
    return f"{english(many)} {word}" + (joint + english(rest) if rest else "")


def chinese(number: int) -> str:
    """A number below a hundred million in Chinese characters.

    >>> chinese(0), chinese(15), chinese(342_017), chinese(100_500), chinese(20_010)
    ('零', '十五', '三十四万二千零一十七', '十万零五百', '二万零一十')
    """
    if number == 0:
        return DIGITS[0]
    high, low = divmod(number, 10_000)
    text = (_four(high) + "万" if high else "") + (DIGITS[0] if high and 0 < low < 1000 else "")
    text += _four(low)
    return text[1:] if text.startswith("一十") else text


def _four(number: int) -> str:
    """Up to four digits with their places; zeros between digits are said once."""
    text, digits = "", str(number)
    for place, digit in enumerate(map(int, digits)):
        if digit:
            text += DIGITS[digit] + PLACES[len(digits) - 1 - place]
        elif text and not text.endswith(DIGITS[0]):
            text += DIGITS[0]
    return text.rstrip(DIGITS[0])


def main() -> None:
    """Write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="the TSV file to write")
    parser.add_argument("--words", choices=("english", "chinese"), default="english")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = random.Random(options.seed)
    written = {"english": english, "chinese": chinese}[options.words]
    with open(options.path, "w", encoding="utf-8", newline="\n") as file:
        file.write("source\ttarget\n")
        for _ in range(options.rows):
            number = generator.randrange(10 ** generator.randint(1, 6))
            file.write(f"{number}\t{written(number)}\n")


if __name__ == "__main__":
    main()
