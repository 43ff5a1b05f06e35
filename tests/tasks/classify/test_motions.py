"""Standing, walking, running and badminton, by a watch's accelerometer and gyroscope."""

from __future__ import annotations

import pytest
from tests.fetched import from_pip
from tests.tasks.classify.conftest import Train


@pytest.mark.acceptance
def test_motions_are_told_apart(train: Train) -> None:
    folder = from_pip("aeon==1.6.0") / "aeon/datasets/data/BasicMotions"
    found = train(folder / "BasicMotions_TRAIN.ts", "--test-file", folder / "BasicMotions_TEST.ts")
    assert found["paired_bootstrap"]["items"] == 40
    assert found["network"] >= 0.9
