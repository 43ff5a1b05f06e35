"""Write a table of personal names and their languages, for `mnemonist train classify`.

    pip install faker==40.54.0
    python examples/names_by_language.py names.csv

The names are those of the Python package faker (MIT licence). Only names in Latin letters are
taken, romanised ones where the package has them, so that the script does not give the language
away. A name that several languages share stands once for each.
"""

import argparse
import csv
import re
import unicodedata
from importlib import import_module

LOCALES = (
    "az_AZ cs_CZ da_DK de_DE en_GB es_ES et_EE fi_FI fr_FR ga_IE ha_NG hr_HR hu_HU id_ID ig_NG is_IS "
    "it_IT ja_JP lt_LT lv_LV nl_NL no_NO pl_PL pt_PT ro_RO sk_SK sl_SI sv_SE tr_TR uz_UZ vi_VN yo_NG "
    "zh_CN zu_ZA"
)
LISTS = re.compile(r"(first|last)_(romanized_)?names(_male|_female)?")


def names_of(locale: str) -> set[str]:
    """The first and last names of a locale that are written in Latin letters."""
    provider = import_module(f"faker.providers.person.{locale}").Provider
    lists = [getattr(provider, one) for one in dir(provider) if LISTS.fullmatch(one)]
    return {name.strip() for names in lists for name in names if is_latin(name)}


def is_latin(name: str) -> bool:
    """Whether all letters of a name are Latin."""
    letters = [letter for letter in name if letter.isalpha()]
    return bool(letters) and all("LATIN" in unicodedata.name(letter, "") for letter in letters)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="the CSV file to write")
    parser.add_argument("--locales", nargs="+", default=LOCALES.split())
    options = parser.parse_args()
    with open(options.path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "language"])
        for locale in options.locales:
            found = sorted(names_of(locale))
            writer.writerows((name, locale.split("_")[0]) for name in found)
            print(f"{locale}: {len(found):,} names")


if __name__ == "__main__":
    main()
