"""Splice sites and promoters: pieces of DNA of one length, as FASTA with labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_debian, from_pip, made
from tests.tasks.classify.conftest import Train


@pytest.fixture
def dna(tmp_path: Path) -> Path:
    """A folder with splice.fasta and promoters.fasta, as the example writes them."""
    libraries = from_pip("rdata==1.0.0", "xarray==2026.9.0")
    packages = from_debian("r-cran-mlbench", "r-cran-kernlab")
    files = [tmp_path / name for name in ("splice.fasta", "promoters.fasta")]
    made("dna_to_fasta.py", packages, *files, libraries=libraries)
    return tmp_path


@pytest.mark.acceptance
def test_splice_sites_are_found(dna: Path, train: Train) -> None:
    assert train(dna / "splice.fasta")["network"] >= 0.93


@pytest.mark.acceptance
def test_a_hundred_promoters_are_few_for_a_network_and_the_verdict_says_so(
    dna: Path, train: Train
) -> None:
    found = train(dna / "promoters.fasta")
    rival = found["accuracy"][found["best_baseline"]]
    assert found["network"] > found["accuracy"]["majority"]
    assert found["verdict"].startswith("Not better") == (found["network"] <= rival)
