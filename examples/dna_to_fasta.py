"""Write DNA of the R packages mlbench and kernlab as FASTA, for `mnemonist train classify`.

    pip install rdata==1.0.0
    apt-get download r-cran-mlbench r-cran-kernlab
    for package in r-cran-*.deb; do dpkg-deb -x "$package" R; done
    python examples/dna_to_fasta.py R splice.fasta promoters.fasta

Splice sites (mlbench's DNA: Noordewier, Towell & Shavlik 1991): 3,186 pieces of 60 bases, with
an exon's end (ei), an intron's end (ie) or neither (n) in the middle. Promoters (kernlab's
promotergene: Towell, Shavlik & Noordewier 1990): 106 pieces of 57 bases of E. coli. Both packages
are under the GPL-2.
"""

import argparse
from pathlib import Path

import rdata

# mlbench writes each base as three bits, as its page on DNA says
BASES = {"100": "A", "010": "C", "001": "G", "000": "T"}


def splice_sites(table):
    """(label, bases) of each row."""
    for row in table.itertuples(index=False):
        bits = "".join(str(value) for value in row[:-1])
        yield str(row[-1]), "".join(BASES[bits[k : k + 3]] for k in range(0, len(bits), 3))


def promoters(table):
    """(label, bases) of each row."""
    for row in table.itertuples(index=False):
        label = {"+": "promoter", "-": "other"}[str(row[0])]
        yield label, "".join(map(str, row[1:])).upper()


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder that the packages were unpacked into")
    parser.add_argument("splice", type=Path, help="the file of splice sites to write")
    parser.add_argument("promoters", type=Path, help="the file of promoters to write")
    options = parser.parse_args()
    for name, path, pairs in (
        ("DNA", options.splice, splice_sites),
        ("promotergene", options.promoters, promoters),
    ):
        (file,) = options.folder.rglob(f"{name}.rda")
        rows = list(pairs(rdata.read_rda(file)[name]))
        lines = [f">{k} {label}\n{bases}\n" for k, (label, bases) in enumerate(rows, 1)]
        path.write_text("".join(lines), encoding="ascii")
        print(f"{path}: {len(rows):,} records")


if __name__ == "__main__":
    main()
