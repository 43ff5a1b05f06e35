"""Splice sites and promoters: pieces of DNA of one length, as FASTA with labels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tasks.classify.conftest import Fetch, Train

EXAMPLE = Path(__file__).parents[3] / "examples/dna_to_fasta.py"


@pytest.fixture
def dna(wheel: Fetch, debian: Fetch, tmp_path: Path) -> Path:
    """A folder with splice.fasta and promoters.fasta, as the example writes them."""
    libraries = wheel("rdata==1.0.0", "xarray==2026.9.0")
    packages = debian("r-cran-mlbench", "r-cran-kernlab")
    files = [str(tmp_path / name) for name in ("splice.fasta", "promoters.fasta")]
    subprocess.run(
        [sys.executable, str(EXAMPLE), str(packages), *files],
        env={**os.environ, "PYTHONPATH": str(libraries)},
        check=True,
    )
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
