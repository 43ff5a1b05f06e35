"""Nearest neighbours by DTW on two archives, beside the accuracies that were published."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mnemonist.data.labelled import load_labelled
from mnemonist.evaluation.classification import accuracy
from mnemonist.evaluation.classifiers import NearestNeighbourDTW

# DTW_D without normalisation, Bagnall et al. 2018, "The UEA multivariate time series
# classification archive, 2018", arXiv:1811.00075.
PUBLISHED = {"JapaneseVowels": 0.949, "BasicMotions": 0.975}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `.ts` files, from the index that pip is set up for."""
    folder = tmp_path_factory.mktemp("archive")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    got = subprocess.run(
        [*pip, "--no-deps", "--target", str(folder), "aeon==1.6.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if got.returncode:
        pytest.skip(f"pip cannot fetch aeon: {got.stderr.strip().splitlines()[-1]}")
    return folder / "aeon/datasets/data"


@pytest.mark.acceptance
@pytest.mark.parametrize("name", PUBLISHED)
def test_nearest_neighbours_are_as_accurate_as_published(archive: Path, name: str) -> None:
    train = load_labelled(archive / name / f"{name}_TRAIN.ts")
    test = load_labelled(archive / name / f"{name}_TEST.ts").with_classes(train.classes)
    model = NearestNeighbourDTW().fit(train.items, train.labels)
    found = model.predict_proba(test.items).argmax(axis=1)
    assert accuracy(test.labels, found) == pytest.approx(PUBLISHED[name], abs=5e-4)
