"""Write dates as people write them beside their ISO form, for `mnemonist train translate`.

    python examples/make_dates.py dates.tsv --rows 20000 --seed 1

Every way of writing has one meaning only: 3.4.2021 is in April (German), 3/4/2021 in March
(American). Days are drawn from 1900 to 2099, all equally likely, so that few occur twice.
"""

import argparse
import random
from collections.abc import Callable
from datetime import date, timedelta

MONTHS, MONATE, DAYS = (
    names.split()
    for names in (
        "January February March April May June July August September October November December",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    )
)
DIGITS = "〇一二三四五六七八九"


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{'th' if 11 <= day <= 13 else ending}"


def chinese(number: int) -> str:
    """A number from 1 to 99 in Chinese characters."""
    tens, ones = divmod(number, 10)
    return (
        (DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (DIGITS[ones] if ones else "")
    )


FORMS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"the {ordinal(d.day)} of {MONTHS[d.month - 1]}, {d.year}",
    lambda d: f"{DAYS[d.weekday()]}, {MONTHS[d.month - 1][:3]} {ordinal(d.day)} {d.year}",
    lambda d: f"{DAYS[d.weekday()][:3]} {d.day:02} {MONTHS[d.month - 1][:3].upper()} {d.year}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.day}. {MONATE[d.month - 1]} {d.year}",
    lambda d: f"{d.year}年{d.month}月{d.day}日",
    lambda d: (
        "".join(DIGITS[int(sign)] for sign in str(d.year))
        + f"年{chinese(d.month)}月{chinese(d.day)}日"
    ),
)


def main() -> None:
    """Write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="the TSV file to write")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = random.Random(options.seed)
    first, last = date(1900, 1, 1), date(2099, 12, 31)
    with open(options.path, "w", encoding="utf-8", newline="\n") as file:
        file.write("source\ttarget\n")
        for _ in range(options.rows):
            day = first + timedelta(days=generator.randint(0, (last - first).days))
            file.write(f"{generator.choice(FORMS)(day)}\t{day.isoformat()}\n")


if __name__ == "__main__":
    main()
