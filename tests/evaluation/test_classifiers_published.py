"""Nearest neighbours by DTW on two archives, beside the accuracies that were published."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip

from mnemonist.data.labelled import load_labelled
from mnemonist.evaluation.classification import accuracy
from mnemonist.evaluation.classifiers import NearestNeighbourDTW

# DTW_D without normalisation, Bagnall et al. 2018, "The UEA multivariate time series
# classification archive, 2018", arXiv:1811.00075.
PUBLISHED = {"JapaneseVowels": 0.949, "BasicMotions": 0.975}


@pytest.fixture(scope="module")
def archive() -> Path:
    """A folder of folders with `.ts` files."""
    return from_pip("aeon==1.6.0") / "aeon/datasets/data"


@pytest.mark.acceptance
@pytest.mark.parametrize("name", PUBLISHED)
def test_nearest_neighbours_are_as_accurate_as_published(archive: Path, name: str) -> None:
    train = load_labelled(archive / name / f"{name}_TRAIN.ts")
    test = load_labelled(archive / name / f"{name}_TEST.ts").with_classes(train.classes)
    model = NearestNeighbourDTW().fit(train.items, train.labels)
    found = model.predict_proba(test.items).argmax(axis=1)
    assert accuracy(test.labels, found) == pytest.approx(PUBLISHED[name], abs=5e-4)
